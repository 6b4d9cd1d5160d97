"""What Telegram's errors mean for a post: try again, when, or never; and what somebody can do about it. Pure.

Descriptions are matched by their words, since the API has no finer codes (core.telegram.org/bots/api#making-requests).
"""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import BadRequest, ChatMigrated, Conflict, EndPointNotFound, Forbidden, InvalidToken, RetryAfter
from telegram.error import TelegramError as AnyError

from bot.messages import SendError

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""What stood between the bot and Telegram before a byte of the request had left."""

_ADVICE = (
    ("bot was blocked", "this person has blocked the bot: only they can start it again; reach them another way"),
    ("can't initiate", "this person has not started the bot yet: send them an invitation"),
    ("user is deactivated", "this person's Telegram account is gone: reach them another way"),
    ("bot was kicked", "the bot was removed from this group: add it again"),
    ("not a member", "the bot is not in this group: add it"),
    ("chat not found", "Telegram knows no such chat for this bot: check its id, and that the bot has been added"),
    ("thread not found", "the topic is gone: a new one is needed"),
    ("topic_deleted", "the topic is gone: a new one is needed"),
    ("topic_closed", "the topic is closed: open it again, or let the bot manage topics"),
    ("not a forum", "this group has no topics: switch them on in its settings"),
    ("not enough rights", "the bot lacks a right in this group: let it write messages and manage topics"),
    ("have no rights", "the bot lacks a right in this group: let it write messages and manage topics"),
    ("chat_admin_required", "the bot must be an administrator of this group"),
    ("edit not found", "the message that should change is gone"),
    ("can't be edited", "Telegram does not let this message change any more"),
    ("react not found", "the message that should get a reaction is gone"),
    ("query is too old", "the button was pressed too long ago to answer that press"),
    ("message is too long", "the message is too long for Telegram"),
)


def seconds(error: RetryAfter) -> float:
    """How long Telegram wants to be left alone. The client says it in either of two types, by a setting of its own."""
    after: int | timedelta = error.retry_after
    return after.total_seconds() if isinstance(after, timedelta) else float(after)


def never_sent(error: AnyError) -> bool:
    """Whether the request certainly never reached Telegram."""
    return isinstance(error.__cause__, _NEVER_SENT)


def refusal(error: AnyError, *, once: bool) -> SendError:
    """The error as the house knows it. `once`: doing it twice would show, so that it is in doubt what was not
    answered; everything else can simply be done again.
    """
    if isinstance(error, RetryAfter):
        return SendError("Telegram asks to slow down", after=timedelta(seconds=seconds(error)))
    if isinstance(error, ChatMigrated):
        return SendError(f"the group has become a supergroup: its id is now {error.new_chat_id}", retry=False)
    if isinstance(error, (BadRequest, Forbidden)):
        return SendError(_advice(error.message), retry=False)
    if isinstance(error, (InvalidToken, EndPointNotFound)):
        return SendError("Telegram refuses the bot's token: set the one that BotFather gave", retry=False)
    if never_sent(error):
        return SendError("Telegram cannot be reached")
    if isinstance(error, Conflict) or error.message.startswith("Too Many Requests"):
        return SendError("Telegram is too busy for this bot")
    if once:
        return SendError("Telegram has not said whether it has kept the message", in_doubt=True)
    return SendError("Telegram has not answered")


def _advice(description: str) -> str:
    said = description.lower()
    for words, advice in _ADVICE:
        if words in said:
            return advice
    return f"Telegram refuses it: {description}"
