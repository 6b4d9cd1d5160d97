"""What Slack tells, as what it is to the house. Pure.

The shapes are those of the Events API (docs.slack.dev/reference/events) and of conversations.history.
"""

from __future__ import annotations

from bot.channels.slack.facts import JSON, Facts, address, identity, is_direct, moment, padded, ts_of
from bot.channels.slack.plain import spoken, wire_text
from bot.channels.slack.pressing import presses, submitted
from bot.messages import SLACK, Attachment, Identity, Inbound, Kind

SAID = (None, "file_share", "thread_broadcast", "me_message")
"""The subtypes of messages that somebody wrote. All others are lines of Slack's own, or other programs'."""
SLACKBOT = "USLACKBOT"

_CHANGED = {
    "member_joined_channel": "Somebody has joined the room.",
    "member_left_channel": "Somebody has left the room.",
    "channel_shared": "The room is shared with another organisation now.",
    "channel_unshared": "The room is no longer shared with another organisation.",
}


def translate(body: JSON, facts: Facts) -> tuple[Inbound, ...]:
    """Everything in a payload that concerns the house; most payloads have one thing or nothing."""
    match body.get("type"):
        case "event_callback":
            found = heard(body, facts)
            return (found,) if found else ()
        case "block_actions":
            return presses(body, facts)
        case "view_submission":
            found = submitted(body, facts)
            return (found,) if found else ()
    return ()


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def heard(body: JSON, facts: Facts) -> Inbound | None:
    """What an event of the Events API is, or None where it does not concern the house."""
    event: JSON = body.get("event") or {}
    key = f"{SLACK}:{body.get('event_id')}"
    match event.get("type"):
        case "message" if event.get("subtype") == "message_changed":
            return _changed(event, facts, key)
        case "message" if event.get("subtype") == "message_deleted":
            return _deleted(event, event.get("previous_message") or {}, facts, key)
        case "message" | "app_mention":
            return said(event, facts, key)
        case "member_joined_channel" | "member_left_channel" | "channel_shared" | "channel_unshared":
            return _joined(event, facts, key)
        case "channel_id_changed":
            return _moved(event, facts, key)
        case "app_home_opened" if event.get("tab") == "home":
            return _home(event, facts, key)
    return None


def message_key(facts: Facts, room: str, ts: str, kind: Kind = Kind.MESSAGE, last: str = "") -> str:
    """The name of a message (or of what was done to it): a mention and its twin have the same one."""
    return f"{SLACK}:{facts.team}:{room}:{ts}:{kind}:{last}"


def said(event: JSON, facts: Facts, key: str = "") -> Inbound | None:
    """A message that a person wrote; None for our own, those of programs, and lines of Slack's own.

    Without a `key` its event is named for the message, as it is read in the history of a room.
    """
    if event.get("subtype") not in SAID or not _by_a_person(event, facts):
        return None
    room, ts = str(event["channel"]), str(event["ts"])
    name = message_key(facts, room, ts)
    return _worded(event, facts, room, kind=Kind.MESSAGE, key=key, name=name, ts=ts)


def correction(message: JSON, facts: Facts) -> Inbound | None:
    """The last edit of a message that is read in the history of a room; None where it was never edited."""
    edited = str((message.get("edited") or {}).get("ts") or "")
    if not edited or message.get("subtype") not in SAID or not _by_a_person(message, facts):
        return None
    return _edit(message, facts, str(message["channel"]), key="", edited=edited, at=edited)


def _changed(event: JSON, facts: Facts, key: str) -> Inbound | None:
    message: JSON = event.get("message") or {}
    before: JSON = event.get("previous_message") or {}
    if message.get("subtype") == "tombstone":  # what is left of a deleted message under which there are answers
        return _deleted(event, before, facts, key)
    edited = str((message.get("edited") or {}).get("ts") or "")
    if not edited or edited == (before.get("edited") or {}).get("ts"):
        return None  # a link was unfurled, a thread grew: nobody wrote anything
    if message.get("subtype") not in SAID or not _by_a_person(message, facts):
        return None
    spot = {name: event[name] for name in ("channel", "channel_type") if name in event}
    return _edit({**message, **spot}, facts, str(event["channel"]), key=key, edited=edited, at=str(event["ts"]))


def _edit(message: JSON, facts: Facts, room: str, *, key: str, edited: str, at: str) -> Inbound:
    ts = str(message["ts"])
    name = message_key(facts, room, ts, Kind.EDIT, edited)
    about = message_key(facts, room, ts)
    return _worded(message, facts, room, kind=Kind.EDIT, key=key, name=name, ts=at, about=about)


def _worded(
    message: JSON, facts: Facts, room: str, *, kind: Kind, key: str, name: str, ts: str, about: str | None = None
) -> Inbound:
    """A message or its edit. `ts` is when that happened."""
    words = spoken(message.get("text") or wire_text(message.get("blocks") or ()), facts.bot)
    direct = is_direct(room, message.get("channel_type"))
    return Inbound(
        event_key=key or f"{SLACK}:history:{name}",
        message_key=name,
        address=address(room, facts),
        sender=identity(message.get("user"), _team_of(message, facts)),
        text=words.text,
        sent_at=moment(ts),
        order=padded(ts),
        direct=direct,
        kind=kind,
        about=about,
        addressed=direct or words.to_us or message.get("parent_user_id") == facts.bot,
        to_others=words.to_others and not words.to_us,
        thread=_thread(message),
        ref=str(message["ts"]),
        attachments=_attachments(message),
    )


def _deleted(event: JSON, before: JSON, facts: Facts, key: str) -> Inbound | None:
    if not _by_a_person(before, facts):
        return None
    room = str(event["channel"])
    gone = str(event.get("deleted_ts") or before["ts"])
    return Inbound(
        event_key=key,
        message_key=message_key(facts, room, gone, Kind.DELETION),
        address=address(room, facts),
        sender=identity(before.get("user"), _team_of(before, facts)),
        text="",
        sent_at=moment(str(event["ts"])),
        order=padded(str(event["ts"])),
        direct=is_direct(room, event.get("channel_type")),
        kind=Kind.DELETION,
        about=message_key(facts, room, gone),
        addressed=False,
        thread=_thread(before),
        ref=gone,
    )


def _joined(event: JSON, facts: Facts, key: str) -> Inbound:
    """Who reads along has changed, or with whom a room is shared. Slack gives several of a moment the same time."""
    user = str(event.get("user") or "")
    other = str(event.get("connected_team_id") or event.get("previously_connected_team_id") or "")
    ours = user == facts.bot
    text = _CHANGED[str(event["type"])]
    sender = identity(user, _team_of(event, facts) if user else other)
    told = text.replace("Somebody", "The concierge") if ours else text
    return _about_room(event, facts, key, str(event["channel"]), Kind.JOIN, sender, told, last=user or other)


def _moved(event: JSON, facts: Facts, key: str) -> Inbound:
    old, new = str(event["old_channel_id"]), str(event["new_channel_id"])
    nobody = identity("", "")
    return _about_room(event, facts, key, new, Kind.MOVED, nobody, "The room has another id now.", about=old)


def _home(event: JSON, facts: Facts, key: str) -> Inbound:
    sender = identity(event.get("user"), facts.actor)
    return _about_room(event, facts, key, str(event["channel"]), Kind.HOME, sender, "", last=sender.user)


def _about_room(
    event: JSON,
    facts: Facts,
    key: str,
    room: str,
    kind: Kind,
    sender: Identity,
    text: str,
    *,
    last: str = "",
    about: str | None = None,
) -> Inbound:
    ts = str(event.get("event_ts") or ts_of(facts.now))
    return Inbound(
        event_key=key,
        message_key=message_key(facts, room, ts, kind, last),
        address=address(room, facts),
        sender=sender,
        text=text,
        sent_at=moment(ts),
        order=padded(ts),
        direct=is_direct(room),
        kind=kind,
        about=about,
        addressed=kind is Kind.HOME,
    )


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _by_a_person(message: JSON, facts: Facts) -> bool:
    return not message.get("bot_id") and message.get("user") not in (None, "", facts.bot, SLACKBOT)


def _team_of(message: JSON, facts: Facts) -> str:
    """Bolt looks at the outside of an event: of an edit or a deletion the team stands inside, with the message."""
    if facts.actor:
        return facts.actor
    return str(message.get("user_team") or message.get("team") or "")


def _thread(message: JSON) -> str:
    """The thread in which it was said; a message that only begins one is not in it."""
    thread = str(message.get("thread_ts") or "")
    return "" if thread == message.get("ts") else thread


def _attachments(message: JSON) -> tuple[Attachment, ...]:
    files = [_file(one) for one in message.get("files") or () if one.get("mode") != "tombstone"]
    shared = [
        Attachment(what="a forwarded message", link=str(one.get("from_url") or ""))
        for one in message.get("attachments") or ()
        if one.get("is_share")
    ]
    return (*files, *shared)


def _file(file: JSON) -> Attachment:
    return Attachment(what=_what(file), ref=str(file.get("id") or ""), link=str(file.get("permalink") or ""))


def _what(file: JSON) -> str:
    kind = str(file.get("mimetype") or "").partition("/")[0]
    if file.get("subtype") == "slack_audio" or kind == "audio":
        return "a voice message"
    if file.get("subtype") == "slack_video" or kind == "video":
        return "a video"
    if kind == "image":
        return "a photo"
    name = str(file.get("name") or file.get("title") or "")
    return f"the file {name}" if name else "a file"
