"""What this installation talks to: the channels that its settings name, and the desks that stewards have there."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncEngine
from telegram import Bot
from telegram.error import TelegramError

from bot.channels.slack.hearing import SlackHearing
from bot.channels.slack.installing import Installations, InstalledWorkspaces, OneWorkspace, SlackUnreachable, Workspaces
from bot.channels.slack.sending import SLACK_PACE, SlackChannel
from bot.channels.telegram.hearing import TelegramHearing
from bot.channels.telegram.sending import TELEGRAM_PACE, TelegramChannel, bot_for
from bot.channels.terminal import stewards_screen
from bot.clock import Clock
from bot.desks import Desk, DeskOf, Shape
from bot.errors import BotError
from bot.messages import SLACK, TELEGRAM, Address, Channel, Identity, Intake, Pace, SendError
from bot.pack import Pack
from bot.people import room_at
from bot.settings import Settings

logger = logging.getLogger(__name__)


class NotConnected(BotError):
    """A platform that the settings name cannot be reached, or does not take what they say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Connections:
    """The open channels; None for one that is not set up."""

    slack: SlackChannel | None
    workspaces: Workspaces | None
    store: Installations | None
    telegram: TelegramChannel | None
    bot: Bot | None

    @property
    def channels(self) -> tuple[Channel, ...]:
        return tuple(one for one in (self.slack, self.telegram) if one is not None)


def settled_upon(settings: Settings) -> None:
    """Whether the settings name enough to hear somebody. Raises NotConnected, saying what is missing."""
    slack = settings.slack_bot_token or (settings.slack_client_id and settings.slack_client_secret)
    if not slack and not settings.telegram_token:
        raise NotConnected(
            "Neither Slack nor Telegram is set up, so there is nobody to hear. docs/setting-up-slack.md and "
            "docs/setting-up-telegram.md say how; `concierge chat` and `concierge demo` need neither."
        )
    if slack and not settings.slack_signing_secret and not (settings.slack_bot_token and settings.slack_app_token):
        raise NotConnected(
            "Slack cannot be heard: set CONCIERGE_SLACK_APP_TOKEN (xapp-…, Socket Mode, with a bot token) or "
            "CONCIERGE_SLACK_SIGNING_SECRET (HTTP). docs/setting-up-slack.md says where they stand."
        )
    if settings.telegram_token and settings.telegram_webhook and not settings.telegram_secret:
        raise NotConnected(
            "CONCIERGE_TELEGRAM_WEBHOOK needs CONCIERGE_TELEGRAM_SECRET, by which Telegram's calls are told from "
            "others; docs/setting-up-telegram.md says how it is made."
        )


@asynccontextmanager
async def connections(
    settings: Settings, engine: AsyncEngine, *, pace: Pace | None = None
) -> AsyncIterator[Connections]:
    """Opens what the settings name. `pace` stands in for the platforms' own. Raises NotConnected, saying what to do."""
    store = _store(settings, engine)
    workspaces = _workspaces(settings, store)
    if isinstance(workspaces, OneWorkspace):
        await _recognised(workspaces)
    async with AsyncExitStack() as stack:
        bot = await _telegram_bot(settings, stack) if settings.telegram_token else None
        yield Connections(
            slack=SlackChannel(client_for=_clients(workspaces), pace=pace or SLACK_PACE) if workspaces else None,
            workspaces=workspaces,
            store=store,
            telegram=TelegramChannel(bot, pace=pace or TELEGRAM_PACE) if bot else None,
            bot=bot,
        )


def _store(settings: Settings, engine: AsyncEngine) -> Installations | None:
    if not (settings.slack_client_id and settings.slack_client_secret):
        return None
    return Installations(settings.slack_client_id, engine)


def _workspaces(settings: Settings, store: Installations | None) -> Workspaces | None:
    if settings.slack_bot_token is not None:
        return OneWorkspace(settings.slack_bot_token.get_secret_value(), settings.slack_api)
    return InstalledWorkspaces(store, settings.slack_api) if store is not None else None


async def _recognised(workspaces: Workspaces) -> None:
    try:
        await workspaces.of("")
    except SlackUnreachable as error:
        raise NotConnected(
            f"Slack cannot be reached with CONCIERGE_SLACK_BOT_TOKEN ({error}). Check the token and the network; "
            "`concierge doctor` says more."
        ) from None


class _clients:
    """The client with which to post in a workspace; None where the app is not installed there."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def __call__(self, team: str) -> AsyncWebClient | None:
        try:
            workspace = await self._workspaces.of(team)
        except SlackUnreachable as error:
            raise SendError(str(error)) from error
        return workspace.client if workspace is not None and workspace.team == team else None


async def _telegram_bot(settings: Settings, stack: AsyncExitStack) -> Bot:
    assert settings.telegram_token is not None
    bot = bot_for(settings.telegram_token.get_secret_value(), settings.telegram_api)
    try:
        return await stack.enter_async_context(bot)
    except TelegramError as error:
        raise NotConnected(
            f"Telegram cannot be reached with CONCIERGE_TELEGRAM_TOKEN ({type(error).__name__}). Check the token and "
            "the network; `concierge doctor` says more."
        ) from None  # the client's own words can have the token in them


def slack_hearing(
    settings: Settings, found: Connections, intake: Intake, clock: Clock, *, ping_seconds: float = 5.0
) -> SlackHearing:
    """What hears Slack, over the same workspaces as what posts there."""

    def secret(name: str) -> str | None:
        value = getattr(settings, name)
        return value.get_secret_value() if value is not None else None

    return SlackHearing(
        intake,
        api=settings.slack_api,
        token=secret("slack_bot_token"),
        store=found.store,
        signing_secret=secret("slack_signing_secret"),
        app_token=secret("slack_app_token"),
        client_id=settings.slack_client_id,
        client_secret=secret("slack_client_secret"),
        now=clock,
        ping_seconds=ping_seconds,
    )


def telegram_hearing(settings: Settings, bot: Bot, intake: Intake, clock: Clock) -> TelegramHearing:
    """What hears Telegram."""
    secret = settings.telegram_secret.get_secret_value() if settings.telegram_secret else ""
    return TelegramHearing(intake, bot, now=clock, secret=secret)


# ── desks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def desks_of(pack: Pack, settings: Settings, found: Connections) -> DeskOf:
    """Where each steward is told of things: in the stewards' rooms, where there are any, else in direct messages; and
    in the terminal, which every installation has.
    """
    rooms = _rooms(settings, found)
    for desk in rooms.values():
        if room_at(pack, desk.address) is not None:
            raise NotConnected(
                f"{desk.address} is one of the pack's shared rooms, and no desk may be there: customers read it. "
                "CONCIERGE_SLACK_DESK and CONCIERGE_TELEGRAM_DESK name rooms of the stewards alone."
            )
    known: dict[str, tuple[Desk, ...]] = {}
    for steward in pack.stewards.values():
        own = [desk for one in steward.identities for desk in await _direct(one, rooms, found)]
        known[steward.id] = (*rooms.values(), *own, Desk(address=stewards_screen(steward.id)))

    def desk_of(steward: str) -> Sequence[Desk]:
        return known.get(steward, ())

    return desk_of


def _rooms(settings: Settings, found: Connections) -> Mapping[str, Desk]:
    rooms: dict[str, Desk] = {}
    if settings.slack_desk and found.slack is not None:
        team, _, channel = settings.slack_desk.partition(":")
        if not (team and channel):
            raise NotConnected("CONCIERGE_SLACK_DESK is TEAM:CHANNEL, for instance T0123456789:C0123456789.")
        rooms[SLACK] = Desk(address=Address(channel=SLACK, team=team, room=channel), shape=Shape.THREAD, direct=False)
    if settings.telegram_desk and found.telegram is not None:
        address = Address(channel=TELEGRAM, room=settings.telegram_desk)
        rooms[TELEGRAM] = Desk(address=address, shape=Shape.TOPIC, direct=False)
    return rooms


async def _direct(identity: Identity, rooms: Mapping[str, Desk], found: Connections) -> tuple[Desk, ...]:
    if identity.channel in rooms:
        return ()
    if identity.channel == TELEGRAM and found.telegram is not None:
        return (Desk(address=Address(channel=TELEGRAM, room=identity.user), shape=Shape.THREAD),)
    if identity.channel == SLACK and found.slack is not None:
        address = await _opened(identity, found.slack)
        return (Desk(address=address, shape=Shape.THREAD),) if address else ()
    return ()


async def _opened(identity: Identity, slack: SlackChannel) -> Address | None:
    who = f"{identity.user} of {identity.team}"
    try:
        address = await slack.direct(identity, identity.team)
    except SendError as error:
        raise NotConnected(
            f"Slack does not open a direct message with the steward {who}: {error}. Check the token and the network "
            "(`concierge doctor`), or name a stewards' room in CONCIERGE_SLACK_DESK."
        ) from error
    if address is None:
        logger.error("the steward %s cannot be reached in Slack: their escalations go to their other desks", who)
    return address
