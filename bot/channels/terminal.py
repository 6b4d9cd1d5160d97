"""The terminal as a channel: what is sent is shown on a screen of this process, if the address has one here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count

from bot.messages import TERMINAL, Address, Identity, Inbound, Pace, Post, Sent

Screen = Callable[[Post], None]


def customers_screen(customer: str) -> Address:
    """Where a customer reads in a terminal."""
    return Address(channel=TERMINAL, room=customer)


def stewards_screen(steward: str) -> Address:
    """Where a steward is told of things in a terminal."""
    return Address(channel=TERMINAL, room=f"desk:{steward}")


class Terminal:
    """Delivers to the screens that are open in this process. A new screen has shown nothing: it is sent again."""

    name = TERMINAL
    exclusive = True
    pace = Pace()

    def __init__(self) -> None:
        self._screens: dict[Address, Screen] = {}

    def open(self, address: Address, screen: Screen) -> None:
        """From now on what is sent to the address appears on the screen."""
        self._screens[address] = screen

    def close(self, address: Address) -> None:
        """What comes for the address waits from now on."""
        self._screens.pop(address, None)

    def hosts(self, address: Address) -> bool:
        return address in self._screens

    async def send(self, post: Post) -> Sent:
        self._screens[post.address](post)
        return Sent(id=f"{TERMINAL}:{post.id}")

    async def find(self, post: Post) -> Sent | None:
        return None

    async def readers(self, address: Address, likely: Sequence[Identity]) -> tuple[Identity, ...] | None:
        return ()

    async def typing(self, address: Address, thread: str) -> None:
        return None


class Typed:
    """Turns lines that somebody types into inbound messages with keys and an order of their own."""

    def __init__(self, person: str, *, started: datetime) -> None:
        self._person = person
        self._session = started.strftime("%Y%m%dT%H%M%S%f")
        self._numbers = count(1)

    def message(self, text: str, *, at: datetime) -> Inbound:
        """The line as a message."""
        number = next(self._numbers)
        key = f"{TERMINAL}:{self._person}:{self._session}:{number}"
        return Inbound(
            event_key=key,
            message_key=key,
            address=customers_screen(self._person),
            sender=Identity(channel=TERMINAL, user=self._person),
            text=text,
            sent_at=at,
            order=f"{self._session}:{number:08d}",
        )
