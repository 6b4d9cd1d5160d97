"""What Telegram hands over, as the house's own values. Pure.

The platform's words for things: core.telegram.org/bots/api#update
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from telegram import (
    CallbackQuery,
    Chat,
    ChatMember,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageEntity,
    Update,
    User,
)
from telegram.constants import ChatMemberStatus, ChatType, MessageEntityType

from bot.channels.telegram.contents import attachments, in_one_line, is_service
from bot.messages import TELEGRAM, Address, Identity, Inbound, Kind, Pressed, readable


def translated(update: Update, me: User, *, now: datetime) -> Inbound | None:
    """The event, or None for what does not concern the house: channels, reactions, other bots, and its own posts.

    `me` is the bot. `now` dates what Telegram gives no date.
    """
    if update.message is not None:
        return _message(update.update_id, update.message, me)
    if update.edited_message is not None:
        return _edit(update.update_id, update.edited_message, me)
    if update.callback_query is not None:
        return _press(update.update_id, update.callback_query, me, now)
    change = update.chat_member or update.my_chat_member
    return _change(update.update_id, change, me) if change is not None else None


def identity(user: User | Chat) -> Identity:
    """Somebody by their number; a chat where somebody writes in its name."""
    return Identity(channel=TELEGRAM, user=str(user.id))


def reads(member: ChatMember) -> bool:
    """Whether somebody with this status sees what is said in the chat."""
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status in {ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.MEMBER}


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _message(number: int, message: Message, me: User) -> Inbound | None:
    if message.migrate_to_chat_id:
        return _moved(number, message, message.migrate_to_chat_id, me)
    if message.new_chat_members or message.left_chat_member is not None:
        return _coming_or_going(number, message, me)
    if is_service(message):
        return None
    return _said(number, message, me, Kind.MESSAGE)


def _edit(number: int, message: Message, me: User) -> Inbound | None:
    if message.location is not None:
        return None  # a place that moves is edited every few seconds, and says nothing new in words
    return _said(number, message, me, Kind.EDIT)


def _said(number: int, message: Message, me: User, kind: Kind) -> Inbound | None:
    sender = _sender(message, me)
    if sender is None:
        return None
    edited = message.edit_date if kind is Kind.EDIT else None
    moment = str(int(edited.timestamp())) if edited else ""
    direct, place = message.chat.type == ChatType.PRIVATE, _order(message.message_id)
    words, answered = _words(message, me), _answered(message)
    meant = direct or words.to_me or _is(answered, me)
    return Inbound(
        event_key=_event(number, me),
        message_key=_key(message, me, kind, moment),
        about=_key(message, me, Kind.MESSAGE) if kind is Kind.EDIT else None,
        address=_address(message.chat),
        sender=sender,
        text=words.text,
        sent_at=edited or message.date,
        order=f"{place}:{moment}" if moment else place,
        direct=direct,
        kind=kind,
        addressed=meant,
        to_others=not meant and (words.to_others or _is_of_another(answered, sender)),
        thread=_thread(message),
        ref=str(message.message_id),
        answers=str(answered.message_id) if answered else "",
        attachments=tuple(attachments(message)),
    )


def _sender(message: Message, me: User) -> Identity | None:
    """Who speaks; None for bots and for what a channel says of itself.

    Whoever writes in the name of a chat (an anonymous administrator, somebody as their channel) hides behind a bot of
    Telegram's own: the chat's number then stands for them, and belongs to nobody whom the house knows.
    """
    if message.is_automatic_forward or message.chat.type == ChatType.CHANNEL:
        return None
    if message.sender_chat is not None:
        return identity(message.sender_chat)
    if message.from_user is None or message.from_user.is_bot or message.from_user.id == me.id:
        return None
    return identity(message.from_user)


def _answered(message: Message) -> Message | None:
    """The message that somebody answered; in a topic, everything else answers the message that opened it."""
    answered = message.reply_to_message
    return answered if answered is not None and answered.forum_topic_created is None else None


def _is(answered: Message | None, me: User) -> bool:
    return answered is not None and answered.from_user is not None and answered.from_user.id == me.id


def _is_of_another(answered: Message | None, sender: Identity) -> bool:
    author = (answered.sender_chat or answered.from_user) if answered is not None else None
    return author is not None and identity(author) != sender


# ── words, and whom they name ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class _Words:
    text: str
    to_me: bool
    to_others: bool


def _words(message: Message, me: User) -> _Words:
    text, entities = (
        (message.text, message.entities) if message.text else (message.caption or "", message.caption_entities)
    )
    mine: list[tuple[int, int]] = []
    to_others = False
    for entity in entities:
        named = _named(entity, text)
        if named is None:
            continue
        if _names_me(entity, named, me):
            mine.append((entity.offset + entity.length - _units(named), entity.offset + entity.length))
        else:
            to_others = True
    return _Words(text=readable(_without(text, mine)), to_me=bool(mine), to_others=to_others)


def _named(entity: MessageEntity, text: str) -> str | None:
    """How an entity names somebody, None where it does not: "@name", of a command too, or the name in full."""
    said = _part(text, entity.offset, entity.offset + entity.length)
    if entity.type == MessageEntityType.BOT_COMMAND:
        _, sign, name = said.partition("@")
        return sign + name or None
    return said if entity.type in {MessageEntityType.MENTION, MessageEntityType.TEXT_MENTION} else None


def _names_me(entity: MessageEntity, named: str, me: User) -> bool:
    if entity.type == MessageEntityType.TEXT_MENTION:
        return entity.user is not None and entity.user.id == me.id
    return named.casefold() == f"@{me.username}".casefold()


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without these parts of it, and without what only led in to them or out of them."""
    for start, end in sorted(spans, reverse=True):
        before, after = _part(text, 0, start), _part(text, end)
        if not before.strip():
            after = after.lstrip(" ,:;")
        elif before[-1].isspace():
            after = after.lstrip(" ")
        text = before + after if after else before.rstrip()
    return text


def _part(text: str, start: int, end: int | None = None) -> str:
    """Telegram counts UTF-16 code units (core.telegram.org/bots/api#messageentity)."""
    raw = text.encode("utf-16-le", "surrogatepass")[start * 2 : None if end is None else end * 2]
    return raw.decode("utf-16-le", "surrogatepass")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# ── who reads along, and where ───────────────────────────────────────────────────────────────────────────────────────


def _coming_or_going(number: int, message: Message, me: User) -> Inbound | None:
    come = message.new_chat_members
    gone = (message.left_chat_member,) if message.left_chat_member else ()
    return Inbound(
        event_key=_event(number, me),
        message_key=_key(message, me, Kind.JOIN),
        address=_address(message.chat),
        sender=identity(message.from_user or message.chat),
        text=_told(come, gone),
        sent_at=message.date,
        order=_order(message.message_id),
        direct=False,
        kind=Kind.JOIN,
        present=_present(come, me),
        addressed=False,
        ref=str(message.message_id),
    )


def _change(number: int, change: ChatMemberUpdated, me: User) -> Inbound | None:
    """Somebody's status in a group, where it changes whether they read there."""
    before, after = reads(change.old_chat_member), reads(change.new_chat_member)
    if change.chat.type not in {ChatType.GROUP, ChatType.SUPERGROUP} or before == after:
        return None
    whom = (change.new_chat_member.user,)
    come, gone = (whom, ()) if after else ((), whom)
    return Inbound(
        event_key=_event(number, me),
        message_key=f"{TELEGRAM}:{me.id}:{change.chat.id}:member:{number}",
        address=_address(change.chat),
        sender=identity(change.from_user),
        text=_told(come, gone),
        sent_at=change.date,
        order=_before_all(number),
        direct=False,
        kind=Kind.JOIN,
        present=_present(come, me),
        addressed=False,
    )


def _moved(number: int, message: Message, to: int, me: User) -> Inbound:
    """A group that became a supergroup: the messages of the new one are numbered anew."""
    return Inbound(
        event_key=_event(number, me),
        message_key=_key(message, me, Kind.MOVED),
        address=Address(channel=TELEGRAM, room=str(to)),
        sender=identity(message.from_user or message.chat),
        text="",
        sent_at=message.date,
        order=_before_all(number),
        direct=False,
        kind=Kind.MOVED,
        about=str(message.chat.id),
        addressed=False,
    )


def _told(come: Iterable[User], gone: Iterable[User]) -> str:
    said = (("joined", [one.full_name for one in come]), ("left", [one.full_name for one in gone]))
    return "; ".join(f"{what}: {', '.join(map(in_one_line, names))}" for what, names in said if names)


def _present(come: Iterable[User], me: User) -> tuple[Identity, ...]:
    return tuple(identity(one) for one in come if one.id != me.id)


# ── buttons ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _press(number: int, query: CallbackQuery, me: User, now: datetime) -> Inbound | None:
    message = query.message
    if message is None or query.data is None or message.chat.type == ChatType.CHANNEL:
        return None
    return Inbound(
        event_key=_event(number, me),
        message_key=f"{TELEGRAM}:{me.id}:press:{query.id}",
        address=_address(message.chat),
        sender=identity(query.from_user),
        text="",
        sent_at=now,
        order=f"{_order(message.message_id)}~{number:020d}",
        direct=message.chat.type == ChatType.PRIVATE,
        kind=Kind.PRESS,
        thread=_thread(message) if isinstance(message, Message) else "",
        ref=str(message.message_id),
        pressed=Pressed(token=query.data, handle=query.id),
    )


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _event(number: int, me: User) -> str:
    return f"{TELEGRAM}:{me.id}:{number}"


def _key(message: Message, me: User, kind: Kind, moment: str = "") -> str:
    return f"{TELEGRAM}:{me.id}:{message.chat.id}:{message.message_id}:{kind.value}:{moment}"


def _order(message: int) -> str:
    return f"{message:020d}"


def _before_all(number: int) -> str:
    """Of an event without a place among the messages: it holds for every message that still waits."""
    return f"{_order(0)}~{number:020d}"


def _address(chat: Chat) -> Address:
    return Address(channel=TELEGRAM, room=str(chat.id))


def _thread(message: Message) -> str:
    """The topic. In a group without topics Telegram numbers chains of answers likewise: those are no place to post."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else ""
