"""The house as a channel sees it: an intake that keeps events in a list and can be told to fail or to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bot.messages import Address, Form, Identity, Inbound


class IntakeDown(Exception):
    """The record cannot be written just now."""


class FakeIntake:
    """Keeps an event once by each of its two keys, as the record does."""

    def __init__(self) -> None:
        self.kept: list[Inbound] = []
        self.tried: list[Inbound] = []
        """Every event that was handed in, also those that were not kept."""
        self.forms: dict[str, Form] = {}
        self.seen: list[tuple[Address, str]] = []
        self._failures = 0
        self._gate: asyncio.Event | None = None
        self._changed = asyncio.Event()

    def fail(self, times: int = 1) -> None:
        """The next events cannot be kept."""
        self._failures += times

    def wait_for(self, gate: asyncio.Event) -> None:
        """Nothing is kept before the event is set."""
        self._gate = gate

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.kept]

    async def receive(self, inbound: Inbound) -> bool:
        self.tried.append(inbound)
        self._tell()
        if self._gate is not None:
            await self._gate.wait()
        if self._failures:
            self._failures -= 1
            raise IntakeDown
        if any(inbound.event_key == one.event_key or inbound.message_key == one.message_key for one in self.kept):
            return False
        self.kept.append(inbound)
        self._tell()
        return True

    async def form(self, token: str, by: Identity) -> Form | None:
        return self.forms.get(token)

    async def last_seen(self, channel: str) -> Sequence[tuple[Address, str]]:
        return [one for one in self.seen if one[0].channel == channel]

    async def until(self, predicate: Callable[[], bool], within: float = 5.0) -> None:
        """Returns as soon as the predicate holds; it is asked again whenever an event is handed in or kept."""
        try:
            async with asyncio.timeout(within):
                while not predicate():
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not within {within:g} s; kept: {self.kept}, tried: {len(self.tried)}") from None

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
