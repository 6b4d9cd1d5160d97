"""What a Telegram message holds beside words or instead of them, named as one would to a person. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from telegram import Message

from bot.messages import Attachment, readable

UNREADABLE = "something that I cannot read"
NAME = 100
"""Characters that are shown of a name which its sender chose."""


def attachments(message: Message) -> Iterator[Attachment]:
    """What comes with the message; something unreadable where it has no words either."""
    what = next((named(message) for name, named in _CONTENT if getattr(message, name)), None)
    if what is None and not message.text:
        what = UNREADABLE
    if what is not None:
        # what copyMessage needs to hand it on
        yield Attachment(what=what, ref=f"{message.chat.id}:{message.message_id}")


def is_service(message: Message) -> bool:
    """Whether Telegram itself tells of something that happened in the chat, and nobody speaks."""
    return any(getattr(message, name) for name in _SERVICE)


def in_one_line(text: str) -> str:
    """What somebody named something, in one line."""
    line = " ".join(readable(text).split())
    return line if len(line) <= NAME else f"{line[: NAME - 1]}…"


def _file(message: Message) -> str:
    name = message.document.file_name if message.document else None
    return f"the file {in_one_line(name)}" if name else "a file"


def _audio(message: Message) -> str:
    title = (message.audio.title or message.audio.file_name) if message.audio else None
    return f"the recording {in_one_line(title)}" if title else "a recording"


def _voice(message: Message) -> str:
    return f"a voice message{_lasting(message.voice.duration)}" if message.voice else UNREADABLE


def _video(message: Message) -> str:
    return f"a video{_lasting(message.video.duration)}" if message.video else UNREADABLE


def _video_note(message: Message) -> str:
    return f"a video message{_lasting(message.video_note.duration)}" if message.video_note else UNREADABLE


def _sticker(message: Message) -> str:
    return f"a sticker {message.sticker.emoji or ''}".rstrip() if message.sticker else UNREADABLE


def _venue(message: Message) -> str:
    return f"the place {in_one_line(message.venue.title)}" if message.venue else UNREADABLE


def _place(message: Message) -> str:
    found = message.location
    return f"a place ({found.latitude:.2f}, {found.longitude:.2f})" if found else UNREADABLE


def _contact(message: Message) -> str:
    found = message.contact
    return f"the contact {in_one_line(found.first_name + ' ' + (found.last_name or ''))}" if found else UNREADABLE


def _poll(message: Message) -> str:
    return f"the poll “{in_one_line(message.poll.question)}”" if message.poll else UNREADABLE


def _dice(message: Message) -> str:
    return f"a {message.dice.emoji} that shows {message.dice.value}" if message.dice else UNREADABLE


_CONTENT: tuple[tuple[str, Callable[[Message], str]], ...] = (
    ("live_photo", lambda message: "a live photo"),
    ("photo", lambda message: "a photo"),
    ("animation", lambda message: "an animation"),  # before document, which it brings too
    ("document", _file),
    ("voice", _voice),
    ("audio", _audio),
    ("video", _video),
    ("video_note", _video_note),
    ("sticker", _sticker),
    ("venue", _venue),  # before location, which it brings too
    ("location", _place),
    ("contact", _contact),
    ("poll", _poll),
    ("dice", _dice),
    ("story", lambda message: "a story"),
)
"""In this order: the first that a message has is what it is."""

_SERVICE = (
    "boost_added", "channel_chat_created", "chat_background_set", "chat_owner_changed", "chat_owner_left",
    "checklist_tasks_added", "checklist_tasks_done", "connected_website", "delete_chat_photo",
    "direct_message_price_changed", "forum_topic_closed", "forum_topic_created", "forum_topic_edited",
    "forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden", "gift", "gift_upgrade_sent",
    "giveaway_completed", "giveaway_created", "giveaway_winners", "group_chat_created",
    "message_auto_delete_timer_changed", "migrate_from_chat_id", "new_chat_photo", "new_chat_title",
    "paid_message_price_changed", "pinned_message", "poll_option_added", "poll_option_deleted",
    "proximity_alert_triggered", "suggested_post_approval_failed", "suggested_post_approved",
    "suggested_post_declined", "suggested_post_paid", "suggested_post_refunded", "supergroup_chat_created",
    "unique_gift", "video_chat_ended", "video_chat_participants_invited", "video_chat_scheduled",
    "video_chat_started", "write_access_allowed",
)  # fmt: skip
"""What Telegram writes into a chat about it, and nobody says."""


def _lasting(duration: int | timedelta) -> str:
    seconds = int(duration.total_seconds()) if isinstance(duration, timedelta) else duration
    return f" of {seconds} s" if seconds else ""
