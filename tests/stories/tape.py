"""A channel that writes every post to a file, as a platform would keep it: what stands there was delivered."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.messages import Address, Identity, Pace, Post, Sent


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """A line of the tape."""

    post: int
    room: str
    text: str


class Tape:
    """Delivers to every address of its channel. `find` looks at what is on the file, whoever wrote it."""

    exclusive = True
    pace = Pace()

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self._file = file

    def hosts(self, address: Address) -> bool:
        return True

    async def send(self, post: Post) -> Sent:
        append(self._file, json.dumps({"post": post.id, "room": post.address.room, "text": post.text}))
        return Sent(id=f"{self.name}:{post.id}")

    async def find(self, post: Post) -> Sent | None:
        kept = any(one.post == post.id for one in delivered(self._file))
        return Sent(id=f"{self.name}:{post.id}") if kept else None

    async def readers(self, address: Address, likely: Sequence[Identity]) -> tuple[Identity, ...] | None:
        return ()

    async def typing(self, address: Address, thread: str) -> None:
        return None


def append(file: Path, line: str) -> None:
    """Adds a line in one write, and returns when it is on the disk: killed before or after, never between."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, f"{line}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lines(file: Path) -> list[str]:
    """The lines so far."""
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def delivered(file: Path) -> list[Delivered]:
    """Everything that was delivered, in order."""
    return [Delivered(**json.loads(line)) for line in lines(file)]
