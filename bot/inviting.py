"""Invitations, as they are told to whoever passes them on."""

from __future__ import annotations

from datetime import datetime, timedelta

from telegram.error import TelegramError

from bot.app import open_record
from bot.channels.telegram.sending import bot_for
from bot.ledger import invitations
from bot.ledger.engine import writing
from bot.pack import Pack
from bot.settings import Settings


async def invitation(pack: Pack, settings: Settings, customer: str, now: datetime, lasts: timedelta) -> str:
    """Makes one, and says how it is passed on and used."""
    until = now + lasts
    async with open_record(settings.record_url(pack.provider)) as engine, writing(engine) as connection:
        code = await invitations.invite(connection, customer, now=now, until=until)
    name = pack.customers[customer].name
    bot = await _bot_name(settings)
    ways = [f"In Telegram:  https://t.me/{bot}?start={code}"] if bot else []
    ways += [f"In Slack, or any chat with the concierge, as a direct message:  {code}"]
    return (
        f"An invitation for {name}, good once, until {until:%d %b %Y %H:%M} UTC. Pass it on to nobody else:\n\n  "
        + "\n  ".join(ways)
        + f"\n\nWhoever uses it is {name} to the concierge from then on. It is not shown again."
    )


async def _bot_name(settings: Settings) -> str:
    """The bot's name in Telegram, '' where there is none or Telegram cannot be asked: the code is good all the same."""
    if settings.telegram_token is None:
        return ""
    try:
        async with bot_for(settings.telegram_token.get_secret_value(), settings.telegram_api) as bot:
            return str(bot.username)
    except TelegramError:
        return ""
