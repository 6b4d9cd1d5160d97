"""Telegram as people see it: a phone, open at one chat, on which somebody reads, writes and presses."""

from __future__ import annotations

import socket
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from telegram_server import TelegramServer
from town import FORUM, Town

from bot.channels.telegram.hearing import PATH

SECRET = "only-telegram-knows"
WITHIN = 20.0
"""Seconds in which something must be seen, on a machine that is busy with other tests."""

JSON = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Phone:
    """One person's Telegram at one chat: their own with the bot, or a group (`room`), or one of its topics."""

    telegram: TelegramServer
    user: int
    room: int = 0
    thread: int | None = None

    @property
    def chat(self) -> int:
        return self.room or self.user

    @property
    def posts(self) -> list[JSON]:
        """The bot's messages here as they stand now, in order."""
        found = self.telegram.posts(self.chat)
        return [one for one in found if self.thread is None or one.get("message_thread_id") == self.thread]

    @property
    def said(self) -> list[str]:
        """Their words."""
        return [words(one) for one in self.posts]

    @property
    def screen(self) -> str:
        return "\n".join(self.said)

    def says(self, text: str = "", *, reply_to: JSON | None = None, names: Collection[int] = (), **extra: Any) -> JSON:
        if not self.room:
            return self.telegram.private_says(self.user, text, reply_to=reply_to, **extra)
        thread = self.thread or 0
        return self.telegram.group_says(
            self.room, self.user, text, reply_to=reply_to, thread=thread, names=names, **extra
        )

    async def reads(self, said: str, times: int = 1) -> JSON:
        """Waits until that stands in so many messages here; returns the newest of them."""

        def found() -> list[JSON]:
            return [one for one in self.posts if said in words(one)]

        await self.telegram.until(lambda: len(found()) >= times, WITHIN)
        return found()[-1]

    async def presses(self, label: str, *, within: JSON | None = None) -> str:
        """Presses the newest button of that name (or that of one message), and returns what the phone then shows."""
        await self.telegram.until(lambda: self._button(label, within) is not None, WITHIN)
        found = self._button(label, within)
        assert found is not None
        return await self.answered(self.telegram.presses(self.user, *found))

    async def answered(self, query: str) -> str:
        """What the phone shows when a press is answered."""

        def answers() -> list[JSON]:
            return [one for one in self.telegram.called("answerCallbackQuery") if one.get("callback_query_id") == query]

        await self.telegram.until(lambda: bool(answers()), WITHIN)
        return str(answers()[0].get("text", ""))

    def _button(self, label: str, within: JSON | None) -> tuple[JSON, str] | None:
        posts = [one for one in self.posts if within is None or one["message_id"] == within["message_id"]]
        found = [(one, button["callback_data"]) for one in posts for button in buttons(one) if button["text"] == label]
        return found[-1] if found else None

    async def sees_delivered(self, message: JSON) -> None:
        """Waits until the bot has put its thumb under a message."""
        await self.telegram.until(lambda: ["👍"] in self.telegram.reactions(message).values(), WITHIN)

    async def opens_topic(self, number: int = 1) -> Phone:
        """The topic of the `number`-th escalation, when its card is there."""

        def threads() -> list[int]:
            return list(dict.fromkeys(one["message_thread_id"] for one in self.posts if "message_thread_id" in one))

        await self.telegram.until(lambda: len(threads()) >= number, WITHIN)
        return replace(self, thread=threads()[number - 1])


def words(message: JSON) -> str:
    """A message's text or caption."""
    return str(message.get("text", message.get("caption", "")))


def buttons(message: JSON) -> list[JSON]:
    """The buttons under a message."""
    return [one for row in message.get("reply_markup", {}).get("inline_keyboard", ()) for one in row]


def labels(message: JSON) -> list[str]:
    """What stands on them."""
    return [str(one["text"]) for one in buttons(message)]


def phone(here: Town, user: int, room: int = 0) -> Phone:
    """Somebody's Telegram."""
    return Phone(telegram=here.telegram, user=user, room=room)


TELEGRAM_ALONE: dict[str, object] = {
    "slack_bot_token": None,
    "slack_signing_secret": None,
    "telegram_desk": str(FORUM),
}
"""An installation without Slack, whose stewards work in a forum."""


def by_webhook() -> dict[str, object]:
    """An installation that Telegram calls, at a port that is free."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    url = f"http://127.0.0.1:{port}{PATH}"
    return {"listen": f"127.0.0.1:{port}", "telegram_webhook": url, "telegram_secret": SECRET}
