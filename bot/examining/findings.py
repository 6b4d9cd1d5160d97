"""What an examination found, and how a check is kept from harming the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

WITHIN = timedelta(seconds=5)
"""How long one question may take."""
SKEW = timedelta(seconds=30)
"""How far the clock may be from a platform's."""
HIDDEN = "•••"


class Verdict(StrEnum):
    """How a check ended. `SKIPPED`: there is nothing to examine, as nobody configured it."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What was looked at, how it is, what was seen, and, unless all is well, what to do."""

    what: str
    verdict: Verdict
    told: str
    do: str = ""

    def __post_init__(self) -> None:
        if self.verdict is not Verdict.OK and not self.do:
            raise ValueError(f"the finding about {self.what} does not say what to do")


Explain = Callable[[Exception], tuple[str, str]]
"""An error as what is told of it and what to do about it."""


def ok(what: str, told: str) -> Finding:
    """It is as it should be."""
    return Finding(what=what, verdict=Verdict.OK, told=told)


def warning(what: str, told: str, do: str) -> Finding:
    """It works, and somebody should look at it."""
    return Finding(what=what, verdict=Verdict.WARNING, told=told, do=do)


def failed(what: str, told: str, do: str) -> Finding:
    """It does not work, or would tell somebody what they must not know."""
    return Finding(what=what, verdict=Verdict.FAILED, told=told, do=do)


def skipped(what: str, told: str, do: str) -> Finding:
    """Nobody configured it."""
    return Finding(what=what, verdict=Verdict.SKIPPED, told=told, do=do)


async def attempt(what: str, asking: Awaitable[T], *, within: timedelta, explain: Explain) -> T | Finding:
    """What was asked for, or the finding that it could not be had in time."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            return await asking
    except TimeoutError:
        told = f"no answer within {within.total_seconds():g} s"
        return failed(what, told, "Look whether it runs and can be reached from here, then try again.")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one thing, the others are still examined
        return failed(what, *explain(error))


async def all_of(checks: Iterable[Awaitable[Finding | tuple[Finding, ...]]]) -> tuple[Finding, ...]:
    """The findings of checks that run beside each other, in the checks' order."""
    found = await asyncio.gather(*checks)
    return tuple(one for some in found for one in ((some,) if isinstance(some, Finding) else some))


def unforeseen(error: Exception) -> tuple[str, str]:
    """An error that nobody has a better word for."""
    return f"{type(error).__name__}: {error}", "Nobody foresaw this; look at what it says, or report it with this line."


def clock(whose: str, date_header: str, now: datetime) -> Finding:
    """Whether this machine's clock agrees with the one that a platform's answer showed (whole seconds)."""
    what = f"clock, beside {whose}'s"
    try:
        theirs = parsedate_to_datetime(date_header)
    except ValueError:
        return warning(what, "the answer did not say what time it is", "Compare the clock yourself: `date -u`.")
    apart = now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))
    if abs(apart) <= SKEW:
        return ok(what, f"{abs(apart).total_seconds():.0f} s apart")
    way = "ahead" if apart > timedelta() else "behind"
    return failed(
        what,
        f"{abs(apart).total_seconds():.0f} s {way}; from 5 minutes on, requests from Slack are refused as too old",
        "Let this machine keep its time with NTP (`timedatectl set-ntp true`).",
    )


def discreet(finding: Finding, secrets: Iterable[str]) -> Finding:
    """The finding without a secret, whoever may have put one into it."""

    def hidden(text: str) -> str:
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    return replace(finding, what=hidden(finding.what), told=hidden(finding.told), do=hidden(finding.do))
