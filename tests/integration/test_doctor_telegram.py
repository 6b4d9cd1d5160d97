"""What `concierge doctor` says of Telegram, asked with the real client of a server that behaves as Telegram does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import servers
from fakes import WHO, write_pack
from pydantic import SecretStr
from telegram_server import BOT_ID, Fault, TelegramServer

from bot.examining.findings import WITHIN, Finding, Verdict
from bot.examining.telegram import examine_telegram
from bot.pack import Pack, load_pack
from bot.settings import Settings

OK, WARNING, FAILED, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAILED, Verdict.SKIPPED
RUTH, LENA = 2003, 1001
GROUP, DESK = -1001000000001, -1001000000002
ROOM = f"Telegram group {GROUP}"
STEWARDS = "Telegram stewards' group"
HOOK = "https://127.0.0.1:1/telegram/webhook"


def now() -> datetime:
    return datetime.now(UTC)


class Office:
    """A bot that is set up well, and the pack and the settings that go with it: a test spoils one thing."""

    def __init__(self, telegram: TelegramServer, pack: Pack) -> None:
        self.telegram = telegram
        self.pack = pack
        telegram.user(RUTH, "Ruth")
        telegram.user(LENA, "Lena")
        telegram.private_says(RUTH, "/start")
        self.settings: dict[str, Any] = {
            "telegram_api": telegram.base_url.removesuffix("/bot"),
            "telegram_token": SecretStr(telegram.token),
        }

    def group(self, **how: Any) -> None:
        """The group that the pack names."""
        self.telegram.group(GROUP, (LENA,), title="Portrait", **how)

    def desk(self, **how: Any) -> None:
        """The stewards' group."""
        told: dict[str, Any] = {"title": "Stewards", "forum": True} | how
        self.telegram.group(DESK, (RUTH,), **told)
        self.settings["telegram_desk"] = str(DESK)

    async def hook(self, url: str = HOOK) -> None:
        """Sets a webhook, as `concierge run` does."""
        async with self.telegram.bot() as bot:
            await bot.set_webhook(url, secret_token="s" * 32)

    def hooked(self) -> None:
        """Settings for a webhook."""
        self.settings |= {"telegram_webhook": HOOK, "telegram_secret": SecretStr("s" * 32)}

    async def examine(self, *, at: Callable[[], datetime] = now, within: timedelta = WITHIN) -> dict[str, Finding]:
        """The findings, by what they are about."""
        found = await examine_telegram(Settings(**self.settings), self.pack, now=at, within=within)
        assert len({one.what for one in found}) == len(found)
        return {one.what: one for one in found}


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # without it the client warns, and warnings are errors here
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CONCIERGE_{name.upper()}", raising=False)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    folder = write_pack(tmp_path / "pack", who=WHO.replace('"-100"', f'"{GROUP}"'))
    async with TelegramServer() as telegram:
        yield Office(telegram, load_pack(folder, today=date(2027, 3, 1)))


# ── what is well ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_bot_that_is_set_up_is_all_right(office: Office) -> None:
    """Every line says what was seen there."""
    office.group()
    office.desk()
    found = await office.examine()
    assert {one.verdict for one in found.values()} == {OK}
    assert found["Telegram token"].told.startswith(f"@concierge_bot ({BOT_ID}); privacy mode is off")
    assert found["Telegram polling"].told == "no webhook in the way; 1 updates wait"
    assert found[ROOM].told == "“Portrait”, supergroup; mission portrait"
    assert found[STEWARDS].told == "“Stewards”, private, with topics that the bot may open"
    assert "clock, beside Telegram's" in found


async def test_without_a_stewards_group_each_steward_must_have_pressed_start(office: Office) -> None:
    """Their desk is then a private chat, and no bot can write first."""
    office.group()
    found = await office.examine()
    assert (found[STEWARDS].verdict, found["Telegram steward ruth"].told) == (SKIPPED, "Ruth (2003)")
    async with TelegramServer() as fresh:
        fresh.user(RUTH, "Ruth")
        office.settings["telegram_api"] = fresh.base_url.removesuffix("/bot")
        found = await office.examine()
    assert found["Telegram steward ruth"].verdict is FAILED
    assert "press Start" in found["Telegram steward ruth"].do


async def test_without_a_token_telegram_is_skipped(office: Office) -> None:
    """One line says how to set it up, and that the pack would need it."""
    office.settings.clear()
    found = await office.examine()
    assert [(one.verdict, one.told) for one in found.values()] == [
        (SKIPPED, "not set up; the pack names 1 of its groups")
    ]
    assert "docs/setting-up-telegram.md" in found["Telegram"].do
    assert not office.telegram.calls


# ── the bot ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_token_is_told_and_the_rest_waits_for_it(office: Office) -> None:
    """And it is not printed, although the client's error holds it."""
    office.settings["telegram_token"] = SecretStr("7000000002:of-somebody-else")
    found = await office.examine()
    assert found["Telegram token"].told == "Telegram does not know this token"
    assert {one.verdict for one in found.values()} == {FAILED, SKIPPED}


async def test_an_empty_token_is_told(office: Office) -> None:
    """`CONCIERGE_TELEGRAM_TOKEN=` with nothing behind it."""
    office.settings["telegram_token"] = SecretStr("")
    assert (await office.examine())["Telegram token"].verdict is FAILED


async def test_privacy_mode_is_told(office: Office) -> None:
    """It is a choice, not a mistake …"""
    office.group()
    office.telegram.privacy = True
    found = (await office.examine())["Telegram token"]
    assert found.verdict is OK
    assert "privacy mode is on" in found.told


async def test_privacy_mode_hides_what_people_ask_nobody_in_particular(office: Office) -> None:
    """… but where the concierge is to answer such questions."""
    office.group()
    office.telegram.privacy = True
    office.settings["rooms_answer"] = "people"
    found = (await office.examine())["Telegram token"]
    assert found.verdict is WARNING
    assert "/setprivacy" in found.do


async def test_a_clock_that_is_a_minute_off_is_told(office: Office) -> None:
    """Telegram's answer says what time it is."""
    found = await office.examine(at=lambda: now() + timedelta(minutes=1))
    assert found["clock, beside Telegram's"].verdict is FAILED


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.ERROR, "Telegram cannot be reached: "),
        (Fault.TOO_MANY(), "Telegram said: "),
        (Fault.DROPPED, "Telegram cannot be reached: "),
    ],
    ids=["500", "429", "dropped"],
)
async def test_whatever_telegram_answers_is_told(office: Office, fault: Fault, told: str) -> None:
    """Asking is done once: it changes nothing, and somebody is looking."""
    office.telegram.faults.add("getMe", fault)
    found = (await office.examine())["Telegram token"]
    assert found.verdict is FAILED
    assert found.told.startswith(told)
    assert len(office.telegram.called("getMe")) == 1


async def test_a_telegram_that_is_not_there_is_told(office: Office) -> None:
    """Nobody listens at that address."""
    office.settings["telegram_api"] = f"http://127.0.0.1:{servers.free_port()}"
    found = (await office.examine())["Telegram token"]
    assert found.verdict is FAILED
    assert "CONCIERGE_TELEGRAM_API" in found.do


async def test_one_slow_answer_keeps_no_other_waiting(office: Office) -> None:
    """Each question has its own time."""
    office.group()
    never = asyncio.Event()
    office.telegram.faults.add("getChat", Fault.SLOW(never))
    office.telegram.faults.add("getChat", Fault.SLOW(never))
    found = await office.examine(within=timedelta(seconds=1.5))
    assert found[ROOM].told == "no answer within 1.5 s"
    assert found["Telegram polling"].verdict is OK
    never.set()


# ── how it is reached ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_webhook_that_is_in_the_way_of_polling_is_told(office: Office) -> None:
    """Perhaps it is another installation's."""
    await office.hook()
    found = (await office.examine())["Telegram polling"]
    assert found.verdict is WARNING
    assert "a webhook is set" in found.told


async def test_a_webhook_is_compared_with_the_settings(office: Office) -> None:
    """One that `concierge run` has set is well, another one is told."""
    office.hooked()
    assert "`concierge run` sets it" in (await office.examine())["Telegram webhook"].do
    await office.hook("https://127.0.0.1:1/of-somebody-else")
    assert (await office.examine())["Telegram webhook"].verdict is FAILED


async def test_a_webhook_that_cannot_be_reached_is_told_with_telegrams_words(office: Office) -> None:
    """Telegram says what went wrong the last time, and how much waits."""
    office.hooked()
    await office.hook()
    await office.telegram.until(lambda: bool(office.telegram.deliveries))
    found = (await office.examine())["Telegram webhook"]
    assert found.verdict is WARNING
    assert found.told.startswith("1 updates wait; at ")
    assert "Connection refused" in found.told


async def test_a_webhook_without_trouble_is_well(office: Office) -> None:
    """What went wrong hours ago is over."""
    office.hooked()
    await office.hook()
    await office.telegram.until(lambda: bool(office.telegram.deliveries))
    found = (await office.examine(at=lambda: now() + timedelta(hours=2)))["Telegram webhook"]
    assert (found.verdict, found.told) == (OK, f"{HOOK}; 1 updates wait")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"telegram_webhook": "http://example.com/telegram/webhook"}, "is not https"),
        ({"telegram_secret": None}, "no usable secret"),
        ({"telegram_secret": SecretStr("with a space")}, "no usable secret"),
    ],
    ids=["http", "no-secret", "a-space"],
)
async def test_a_webhook_that_cannot_work_is_told(office: Office, settings: dict[str, Any], told: str) -> None:
    """Telegram calls https only, and its calls must be known by a secret."""
    office.hooked()
    office.settings |= settings
    found = (await office.examine())["Telegram webhook"]
    assert found.verdict is FAILED
    assert told in found.told


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_group_that_telegram_does_not_show_is_told(office: Office) -> None:
    """A wrong id, or the bot was never there."""
    found = (await office.examine())[ROOM]
    assert found.verdict is FAILED
    assert "Chat not found" in found.told


@pytest.mark.parametrize("status", ["left", "kicked"])
async def test_a_group_that_the_bot_has_left_is_told(office: Office, status: str) -> None:
    """Somebody took it out."""
    office.group(bot=status)
    found = (await office.examine())[ROOM]
    assert found.verdict is FAILED
    assert "Add the bot to the group" in found.do


async def test_as_a_plain_member_the_bot_knows_nobody(office: Office) -> None:
    """Then everybody there is a stranger, which is safe, and rarely meant."""
    office.group(bot="member")
    found = (await office.examine())[ROOM]
    assert found.verdict is WARNING
    assert "administrator" in found.do


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"forum": False}, "has no topics"),
        ({"username": "stewards_of_meridian"}, "is public"),
        ({"bot": "member"}, "may not open topics"),
        ({"bot": "kicked"}, "shows the bot no such group"),
    ],
    ids=["no-topics", "public", "member", "kicked"],
)
async def test_a_stewards_group_that_cannot_be_a_desk_is_told(office: Office, how: dict[str, Any], told: str) -> None:
    """It is private, has topics, and the bot may open them."""
    office.desk(**how)
    found = (await office.examine())[STEWARDS]
    assert found.verdict is FAILED
    assert told in found.told


async def test_an_administrator_without_the_right_cannot_open_topics(office: Office) -> None:
    """Telegram gives rights one by one."""
    office.desk()
    office.telegram.bot_lacks.add("can_manage_topics")
    assert "may not open topics" in (await office.examine())[STEWARDS].told


async def test_a_stewards_group_where_customers_are_is_refused(office: Office) -> None:
    """One of the pack's groups cannot be the stewards'."""
    office.group(forum=True)
    office.settings["telegram_desk"] = str(GROUP)
    found = (await office.examine())[STEWARDS]
    assert found.verdict is FAILED
    assert "customers read along" in found.told
