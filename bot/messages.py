"""Inert values that channels and the house exchange, and the protocol of a channel.

A channel translates its platform into these at its edge and knows nothing else of the house.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

TERMINAL = "terminal"
"""The channel that every installation has."""
SLACK = "slack"
TELEGRAM = "telegram"

# C0 and C1 controls but for tab and line feed, and lone surrogates: a terminal would obey them, PostgreSQL refuses NUL
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def readable(text: str) -> str:
    """The text without what no person can read and no screen or database should be handed."""
    return _UNREADABLE.sub("", text.replace("\r\n", "\n"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who a platform says somebody is: never a name or an e-mail address."""

    channel: str
    user: str
    team: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a message goes: one room (or direct conversation) of one channel."""

    channel: str
    room: str
    team: str = ""

    def __str__(self) -> str:
        return ":".join(part for part in (self.channel, self.team, self.room) if part)


class Kind(StrEnum):
    """What an inbound event is to the record.

    `JOIN`: who reads along in a room has changed, or with whom it is shared. `MOVED`: a room has another id from now
    on (`about` is its old one). `PRESS`: a button was pressed, or its form filled in. `HOME`: somebody opened the page
    that the concierge keeps for them.
    """

    MESSAGE = "message"
    EDIT = "edit"
    DELETION = "deletion"
    JOIN = "join"
    MOVED = "moved"
    PRESS = "press"
    HOME = "home"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """Something beside a message's words that the concierge cannot read: a file, a picture, a voice, a place.

    `what` names it as one would to a person ("a photo", "the file plan.pdf"); `ref` is what its platform needs to hand
    it on; `link` is where somebody who is allowed to can open it, where the platform has such a thing.
    """

    what: str
    ref: str = ""
    link: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressed:
    """A button that was pressed. `token` is what the button carried, and all that it carried.

    `choice` and `words` are what was chosen and written in its form, where it has one. `handle` is what the platform
    needs to answer this press alone.
    """

    token: str
    choice: str = ""
    words: str = ""
    handle: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inbound:
    """One event as a channel handed it over.

    `event_key` is the platform's id of the event; `message_key` names the message itself (for an edit, with its
    moment): both are unique in the inbox, so that neither a redelivery nor a doubled event is taken twice.
    `order` sorts, as a string, the way the platform orders the messages of one room.
    `ref` is the message's id as the platform wants it back: to answer it, or to put a reaction on it; of a press, the
    message whose button it was.
    `about` is the `message_key` of the message that an edit or a deletion changes. `present` is who else reads there,
    in a room, where the event itself says so.
    `addressed` says whether the concierge is meant: always in a direct conversation, in a room where it is mentioned or
    answered. `to_others`: it names other people and not the concierge. `thread` is the platform's name of the thread in
    which it was said, where there is one; `answers` the id of the message that it answers, likewise.
    """

    event_key: str
    message_key: str
    address: Address
    sender: Identity
    text: str
    sent_at: datetime
    order: str
    direct: bool = True
    kind: Kind = Kind.MESSAGE
    about: str | None = None
    present: tuple[Identity, ...] = ()
    addressed: bool = True
    to_others: bool = False
    thread: str = ""
    ref: str = ""
    answers: str = ""
    attachments: tuple[Attachment, ...] = ()
    pressed: Pressed | None = None


# ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────────


class Style(StrEnum):
    """How much a button stands out."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """A button. `token` is opaque and does one thing; `asks`: pressing it opens a form, where a platform has forms."""

    label: str
    token: str
    style: Style = Style.PLAIN
    asks: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A part of a card: plain words under a title, with its buttons. `quiet` is small print; `fixed` wants a font in
    which all letters are equally wide.
    """

    title: str = ""
    text: str = ""
    buttons: tuple[Button, ...] = ()
    quiet: bool = False
    fixed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A page that is more than a sentence: an escalation, or what a steward has to do."""

    title: str
    sections: tuple[Section, ...] = ()
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What a button asks before it does something: to choose one of `choices` (value and label), to write `words`, or
    both. An empty label means that it does not ask for that.
    """

    title: str
    submit: str
    choose: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    write: str = ""
    hint: str = ""
    optional: bool = False
    """Whether the words may be left empty."""


class Purpose(StrEnum):
    """Why a message is sent. `ANSWER` is the concierge speaking; only that is withheld when a person took over."""

    ANSWER = "answer"
    NOTICE = "notice"
    RELAY = "relay"
    DESK = "desk"


class Act(StrEnum):
    """What is done with a post on its platform.

    `SAY` sends a message. `EDIT` puts it in the place of the message `target`. `REACT` confirms, with a reaction on the
    message `target`, that it was delivered. `TOPIC` opens a topic named `target`. `WHISPER` answers the press `target`
    of the person `to`, and nobody else. `HOME` shows the card on the page that the concierge keeps for `to`.
    """

    SAY = "say"
    EDIT = "edit"
    REACT = "react"
    TOPIC = "topic"
    WHISPER = "whisper"
    HOME = "home"


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A message on its way out. `id` is the outbox row, the only thing of ours a platform may carry along.

    `direct` says that only its addressee reads there. `thread` is where in the room it belongs, and `under` the message
    that it answers, both by the platform's own names. `attachments` are handed on with it; `mentions` are people whose
    attention it wants. With a `card`, `text` is only its short form. `prompt` asks for an answer to this very message.
    """

    id: int
    address: Address
    text: str
    purpose: Purpose
    author: str
    direct: bool = True
    act: Act = Act.SAY
    target: str = ""
    to: Identity | None = None
    thread: str = ""
    under: str = ""
    attachments: tuple[Attachment, ...] = ()
    mentions: tuple[Identity, ...] = ()
    buttons: tuple[Button, ...] = ()
    card: Card | None = None
    prompt: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What a platform calls a message that it has kept, and the thread or topic that it opened or stands in."""

    id: str
    thread: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast a platform takes messages; None: as fast as they come. Counted over all processes on one record."""

    room_gap: timedelta | None = None
    """Between two messages to one address."""
    group_a_minute: int | None = None
    """Messages a minute to one room that is not a direct conversation."""
    team_a_second: int | None = None
    """Messages a second to all addresses of one team (workspace, bot)."""


class SendError(Exception):
    """A channel could not deliver a message.

    `retry`: trying again can help, not before `after` where the platform said so. `in_doubt`: the platform may have
    kept the message although no answer came.
    """

    def __init__(self, why: str, *, retry: bool = True, in_doubt: bool = False, after: timedelta | None = None) -> None:
        super().__init__(why)
        self.retry = retry
        self.in_doubt = in_doubt
        self.after = after


class Channel(Protocol):
    """What the house needs of a channel."""

    name: str
    exclusive: bool
    """Whether no other process delivers to the addresses that this one hosts: what an earlier one left in the middle of
    sending can then be settled at once."""
    pace: Pace

    def hosts(self, address: Address) -> bool:
        """Whether this process can deliver to that address."""
        ...

    async def send(self, post: Post) -> Sent:
        """Deliver it. Raises SendError."""
        ...

    async def find(self, post: Post) -> Sent | None:
        """A post whose sending is in doubt, or None where it never arrived. Raises SendError where nobody can say."""
        ...

    async def readers(self, address: Address, likely: Sequence[Identity]) -> tuple[Identity, ...] | None:
        """Everybody who reads in a room at this moment, but for the concierge; None where that cannot be found out.

        `likely` are the people who belong there, for a platform that can only be asked about one person at a time.
        """
        ...

    async def typing(self, address: Address, thread: str) -> None:
        """Shows, for a few seconds, that an answer is being looked for; where that fails nothing is lost."""
        ...


class Intake(Protocol):
    """What a channel needs of the house."""

    async def receive(self, inbound: Inbound) -> bool:
        """Commits an event; only then may the channel acknowledge it. False for one that is there already.

        Raises an error where it cannot be kept: then the channel must not acknowledge, and the platform delivers again.
        """
        ...

    async def form(self, token: str, by: Identity) -> Form | None:
        """What a button asks before it does something; None where it asks nothing, or not this person."""
        ...

    async def last_seen(self, channel: str) -> Sequence[tuple[Address, str]]:
        """The rooms and conversations of a channel, each with the `order` of the newest message that is kept of it; or,
        where only the house has spoken, with the id of the first message it sent there.
        """
        ...
