"""What can go wrong in `bot`, each error with words for the person who can do something about it."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.marks import Problem

__all__ = ["BotError", "PackError", "Problem"]


class BotError(Exception):
    """The concierge could not do something; the message says what, where and what to do."""


class PackError(BotError):
    """A mission pack, or a file of cases, that cannot be used.

    `problems` holds every mistake of every file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{count} in the mission pack:", *(f"- {one}" for one in self.problems)]))
