"""Whether Telegram is set up as `docs/setting-up-telegram.md` says: the bot, how it is reached, the groups."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import httpx
from pydantic import SecretStr
from telegram import Bot, ChatFullInfo, ChatMember, ChatMemberAdministrator, User, WebhookInfo
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, TelegramError
from telegram.request import HTTPXRequest

from bot.clock import Clock
from bot.examining.findings import (
    Finding,
    all_of,
    attempt,
    clock,
    failed,
    ok,
    skipped,
    unforeseen,
    warning,
)
from bot.messages import TELEGRAM
from bot.pack import Pack, Room, Steward
from bot.settings import Settings

TOKEN: Final = "Telegram token"
DESK: Final = "Telegram stewards' group"
RECENT: Final = timedelta(hours=1)
_PRESENT = frozenset({ChatMember.OWNER, ChatMember.ADMINISTRATOR, ChatMember.MEMBER, ChatMember.RESTRICTED})
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # https://core.telegram.org/bots/api#setwebhook


async def examine_telegram(settings: Settings, pack: Pack, *, now: Clock, within: timedelta) -> tuple[Finding, ...]:
    """Everything about Telegram, asked of Telegram itself."""
    if settings.telegram_token is None:
        rooms = sum(room.channel == TELEGRAM for room in pack.rooms)
        named = f"; the pack names {rooms} of its groups" if rooms else ""
        return (skipped("Telegram", f"not set up{named}", "Follow docs/setting-up-telegram.md: five minutes."),)
    rounds = _Rounds(settings, pack, now, within)
    bot = await attempt(TOKEN, rounds.open(settings.telegram_token), within=within, explain=_explain)
    if isinstance(bot, Finding):
        rest = skipped("Telegram groups and stewards", "not examined without a working token", "Mend the token first.")
        return (bot, rest)
    try:
        return await rounds.everything(bot)
    finally:
        await bot.shutdown()


class _Rounds:
    """The questions that are asked as one bot."""

    def __init__(self, settings: Settings, pack: Pack, now: Clock, within: timedelta) -> None:
        self._settings = settings
        self._now = now
        self._within = within
        self._dates: list[tuple[str, datetime]] = []
        self._rooms = tuple(room for room in pack.rooms if room.channel == TELEGRAM)
        self._stewards = tuple(
            (steward, identity.user)
            for steward in pack.stewards.values()
            for identity in steward.identities
            if identity.channel == TELEGRAM
        )

    async def open(self, token: SecretStr) -> Bot:
        """The bot, which knows who it is; raises what the client raises."""
        kept = {"event_hooks": {"response": [self._keep_date]}}
        bot = Bot(
            token.get_secret_value(),
            base_url=f"{self._settings.telegram_api}/bot",
            request=HTTPXRequest(connection_pool_size=16, httpx_kwargs=kept),
        )
        try:
            await bot.initialize()
        except BaseException:
            await bot.shutdown()
            raise
        return bot

    async def _keep_date(self, response: httpx.Response) -> None:
        # telegram.Bot keeps no headers
        self._dates.append((response.headers.get("Date", ""), self._now()))

    async def everything(self, bot: Bot) -> tuple[Finding, ...]:
        """What can be asked once the bot is known."""
        checks = [self._delivery(bot), self._desk(bot), *(self._group(bot, room) for room in self._rooms)]
        if self._settings.telegram_desk is None:
            checks += [self._steward(bot, steward, user) for steward, user in self._stewards]
        me = _me(bot.bot, self._settings, groups=bool(self._rooms))
        return (me, clock("Telegram", *self._dates[0]), *await all_of(checks))

    async def _delivery(self, bot: Bot) -> Finding:
        wanted, secret = self._settings.telegram_webhook, self._settings.telegram_secret
        what = "Telegram webhook" if wanted else "Telegram polling"

        async def look() -> Finding:
            said = await bot.get_webhook_info()
            return _webhook(what, said, wanted, secret, self._now()) if wanted else _polling(what, said)

        return await attempt(what, look(), within=self._within, explain=_explain)

    async def _group(self, bot: Bot, room: Room) -> Finding:
        what = f"Telegram group {room.room}"

        async def look() -> Finding:
            return _group(what, await bot.get_chat(room.room), await bot.get_chat_member(room.room, bot.id), room)

        return await attempt(what, look(), within=self._within, explain=_explain_group)

    async def _desk(self, bot: Bot) -> Finding:
        group = self._settings.telegram_desk
        if group is None:
            told = "none; each steward has their desk in a private chat"
            return skipped(DESK, told, "For one group for all of them set CONCIERGE_TELEGRAM_DESK=-100….")
        if group in {room.room for room in self._rooms}:
            told = f"{group} is one of the pack's groups, where customers read along"
            return failed(DESK, told, "Make a group of the stewards' own and name that one.")

        async def look() -> Finding:
            return _desk(await bot.get_chat(group), await bot.get_chat_member(group, bot.id))

        return await attempt(DESK, look(), within=self._within, explain=_explain_group)

    async def _steward(self, bot: Bot, steward: Steward, user: str) -> Finding:
        what = f"Telegram steward {steward.id}"

        async def look() -> Finding:
            return ok(what, f"{(await bot.get_chat(user)).effective_name} ({user})")

        return await attempt(what, look(), within=self._within, explain=_explain_steward)


# ── what an answer means ─────────────────────────────────────────────────────────────────────────────────────────────


def _me(me: User, settings: Settings, *, groups: bool) -> Finding:
    name = f"@{me.username} ({me.id})"
    if groups and not me.can_join_groups:
        return failed(TOKEN, f"{name} may not be added to groups", "Tell @BotFather: /setjoingroups, Enable.")
    if me.can_read_all_group_messages:
        return ok(TOKEN, f"{name}; privacy mode is off: it reads all that is said in its groups")
    told = f"{name}; privacy mode is on: where it is no administrator it reads commands, mentions and answers to it"
    if groups and settings.rooms_answer == "people":
        do = "Tell @BotFather: /setprivacy, Disable; then take the bot out of each group and add it again."
        return warning(TOKEN, f"{told}; CONCIERGE_ROOMS_ANSWER=people wants more", do)
    return ok(TOKEN, told)


def _polling(what: str, info: WebhookInfo) -> Finding:
    if info.url:
        told = "a webhook is set, so polling gets nothing; perhaps another installation has the same bot"
        do = "If no other installation uses this token, `concierge run` removes it; else make a bot of your own."
        return warning(what, told, do)
    return ok(what, f"no webhook in the way; {info.pending_update_count} updates wait")


def _webhook(what: str, info: WebhookInfo, wanted: str, secret: SecretStr | None, now: datetime) -> Finding:
    if not wanted.startswith("https://"):
        return failed(
            what, f"{wanted} is not https", "Telegram calls https only: put a proxy with TLS before `listen`."
        )
    if secret is None or not _SECRET.fullmatch(secret.get_secret_value()):
        told = "no usable secret: what comes could be from anybody, so nothing is accepted"
        do = "Set CONCIERGE_TELEGRAM_SECRET to 32 or more of A-Z a-z 0-9 _ - (`openssl rand -hex 32`)."
        return failed(what, told, do)
    if not info.url:
        return warning(what, "not set yet", "`concierge run` sets it.")
    if info.url.rstrip("/") != wanted.rstrip("/") and not info.url.startswith(wanted.rstrip("/") + "/"):
        told = f"Telegram calls {info.url}, not {wanted}"
        do = "If no other installation uses this token, `concierge run` changes it; else make a bot of your own."
        return failed(what, told, do)
    waiting = f"{info.pending_update_count} updates wait"
    if info.last_error_date is not None and now - info.last_error_date < RECENT:
        told = f"{waiting}; at {info.last_error_date:%H:%M} UTC: {info.last_error_message}"
        return warning(what, told, f"Look whether {info.url} reaches `concierge run` from the Internet.")
    return ok(what, f"{info.url}; {waiting}")


def _group(what: str, chat: ChatFullInfo, bot: ChatMember, room: Room) -> Finding:
    if bot.status not in _PRESENT:
        return failed(what, f"the bot is not in “{chat.title}”", "Add it to the group.")
    about = f"mission {room.mission}" if room.mission else "no mission: only what everyone may read"
    told = f"“{chat.title}”, {chat.type}; {about}"
    if bot.status not in {ChatMember.ADMINISTRATOR, ChatMember.OWNER}:
        # https://core.telegram.org/bots/api#getchatmember and #update (chat_member)
        do = "Make it an administrator; it needs no right of its own. Until then everybody there counts as a stranger."
        return warning(what, f"{told}; as a plain member the bot cannot tell who reads along", do)
    return ok(what, told)


def _desk(chat: ChatFullInfo, bot: ChatMember) -> Finding:
    name = f"“{chat.title}”"
    if bot.status not in _PRESENT:
        return failed(DESK, f"the bot is not in {name}", "Add it to the group.")
    if chat.username or chat.type != ChatFullInfo.SUPERGROUP:
        kind = "public" if chat.username else f"a {chat.type}"
        return failed(DESK, f"{name} is {kind}", "It must be a private supergroup: Group type > Private, Topics > on.")
    if not chat.is_forum:
        return failed(DESK, f"{name} has no topics", "Turn them on: the group's name > Edit > Topics.")
    may = bot.status == ChatMember.OWNER or (isinstance(bot, ChatMemberAdministrator) and bot.can_manage_topics)
    if not may:
        do = "The group's name > Edit > Administrators > the bot > Manage topics."
        return failed(DESK, f"the bot may not open topics in {name}", do)
    return ok(DESK, f"{name}, private, with topics that the bot may open")


# ── what an error means ──────────────────────────────────────────────────────────────────────────────────────────────


def _explain(error: Exception) -> tuple[str, str]:
    if isinstance(error, InvalidToken):
        return "Telegram does not know this token", "Copy it from @BotFather (/token) into CONCIERGE_TELEGRAM_TOKEN."
    if isinstance(error, NetworkError) and not isinstance(error, BadRequest):
        return f"Telegram cannot be reached: {error}", "Check the network, a proxy, and CONCIERGE_TELEGRAM_API."
    if isinstance(error, TelegramError):
        return f"Telegram said: {error}", "Look it up at https://core.telegram.org/bots/api, or try again in a minute."
    return unforeseen(error)


def _explain_group(error: Exception) -> tuple[str, str]:
    if isinstance(error, ChatMigrated):
        told = f"the group has become a supergroup and is now {error.new_chat_id}"
        return told, "Put the new id into pack.yaml, or into CONCIERGE_TELEGRAM_DESK."
    if isinstance(error, BadRequest | Forbidden):
        told = f"Telegram shows the bot no such group ({error})"
        return told, "Add the bot to the group, and compare the id: docs/setting-up-telegram.md says where it stands."
    return _explain(error)


def _explain_steward(error: Exception) -> tuple[str, str]:
    if isinstance(error, BadRequest | Forbidden):
        told = f"the bot cannot write to them ({error}); Telegram lets no bot write first"
        return told, "Ask them to open the bot and press Start, and compare their id in pack.yaml."
    return _explain(error)
