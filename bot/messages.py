"""Inert values that channels and the house exchange, and the protocol of a channel.

A channel translates its platform into these at its edge and knows nothing else of the house.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

TERMINAL = "terminal"
"""The channel that every installation has."""

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
    """What an inbound event is to the record. `JOIN`: somebody new reads along in a room."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETION = "deletion"
    JOIN = "join"


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
class Inbound:
    """One event as a channel handed it over.

    `event_key` is the platform's id of the event; `message_key` names the message itself (for an edit, with its
    moment): both are unique in the inbox, so that neither a redelivery nor a doubled event is taken twice.
    `order` sorts, as a string, the way the platform orders the messages of one room.
    `about` names the message that an edit or a deletion changes. `present` is who else reads there, in a room.
    `addressed` says whether the concierge is meant: always in a direct conversation, in a room where it is mentioned or
    answered. `thread` is the platform's name of the thread in which it was said, where there is one.
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
    thread: str = ""
    attachments: tuple[Attachment, ...] = ()


class Purpose(StrEnum):
    """Why a message is sent. `ANSWER` is the concierge speaking; only that is withheld when a person took over."""

    ANSWER = "answer"
    NOTICE = "notice"
    RELAY = "relay"
    DESK = "desk"


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A message on its way out. `id` is the outbox row, the only thing of ours a platform may carry along.

    `thread` is where in the room it belongs, by the platform's own name; `attachments` are handed on with it.
    """

    id: int
    address: Address
    text: str
    purpose: Purpose
    author: str
    thread: str = ""
    attachments: tuple[Attachment, ...] = ()


class SendError(Exception):
    """A channel could not deliver a message.

    `retry`: trying again can help. `in_doubt`: the platform may have kept the message although no answer came.
    """

    def __init__(self, why: str, *, retry: bool = True, in_doubt: bool = False) -> None:
        super().__init__(why)
        self.retry = retry
        self.in_doubt = in_doubt


class Channel(Protocol):
    """What the outbox needs of a channel."""

    name: str
    exclusive: bool
    """Whether no other process delivers to the addresses that this one hosts: what an earlier one left in the middle of
    sending can then be settled at once."""

    def hosts(self, address: Address) -> bool:
        """Whether this process can deliver to that address."""
        ...

    async def send(self, post: Post) -> str:
        """Deliver it and return the platform's id of the message. Raises SendError."""
        ...

    async def find(self, post: Post) -> str | None:
        """The platform's id of a post whose sending is in doubt, or None where it never arrived."""
        ...
