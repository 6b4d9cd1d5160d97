"""Telegram is told that an update has arrived when the house has kept it, and not before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from fake_intake import FakeIntake
from telegram import Bot
from telegram.error import Conflict
from telegram_server import Fault, TelegramServer

from bot.channels.telegram.hearing import ALLOWED, PATH, SECRET_HEADER, Patience, TelegramHearing
from bot.channels.telegram.sending import bot_for
from bot.messages import Inbound, Kind

LENA, WALTER, INES = 1001, 1002, 1003
GROUP, FORUM = -1001000000001, -1001000000002
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECRET = "s3cret_-"
QUICK = Patience(
    first=timedelta(milliseconds=1), longest=timedelta(milliseconds=5), conflict=timedelta(milliseconds=20)
)


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(now=lambda: NOON) as running:
        for id, name in ((LENA, "Lena"), (WALTER, "Walter"), (INES, "Ines")):
            running.user(id, name)
        running.group(GROUP, (LENA, WALTER), admins=(INES,))
        running.group(FORUM, (LENA,), forum=True, admins=(INES,))
        yield running


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with bot_for(server.token, server.base_url.removesuffix("/bot")) as running:
        yield running


@pytest.fixture
def intake() -> FakeIntake:
    return FakeIntake()


@asynccontextmanager
async def polling(intake: FakeIntake, bot: Bot, patience: Patience = QUICK) -> AsyncIterator[None]:
    """A process that polls, until it is killed."""
    hearing = TelegramHearing(intake, bot, now=lambda: NOON, patience=patience)
    task = asyncio.create_task(hearing.poll())
    try:
        yield
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), ended


@asynccontextmanager
async def served(hearing: TelegramHearing) -> AsyncIterator[str]:
    """The webhook's URL, while it is served."""
    app = web.Application()
    hearing.add_to(app)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    finally:
        await runner.cleanup()


class Hangs(FakeIntake):
    """Keeps an event, and the process stands still right after it."""

    async def receive(self, inbound: Inbound) -> bool:
        await super().receive(inbound)
        return await asyncio.get_running_loop().create_future() is None


class FailsAtTheSecond(FakeIntake):
    """Cannot keep the second event at once."""

    async def receive(self, inbound: Inbound) -> bool:
        if len(self.tried) == 1:
            self.fail()
        return await super().receive(inbound)


# ── polling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_said_before_and_after_the_start_is_kept(
    server: TelegramServer, bot: Bot, intake: FakeIntake
) -> None:
    """Updates wait for a bot that was away; each is confirmed once it is kept."""
    server.private_says(LENA, "before")
    async with polling(intake, bot):
        await server.until(lambda: server.polled)
        server.private_says(LENA, "after")
        await server.until(lambda: not server.pending)
    assert intake.texts == ["before", "after"]
    assert not any(
        "drop_pending_updates" in call and call["drop_pending_updates"] for call in server.called("setWebhook")
    )


async def test_nothing_is_confirmed_while_the_house_still_writes(
    server: TelegramServer, bot: Bot, intake: FakeIntake
) -> None:
    """A process that is killed then leaves the update with Telegram, and the next one gets it."""
    server.private_says(LENA, "hello")
    intake.wait_for(asyncio.Event())
    async with polling(intake, bot):
        await intake.until(lambda: len(intake.tried) == 1)
    assert (intake.kept, len(server.pending)) == ([], 1)
    another = FakeIntake()
    async with polling(another, bot):
        await server.until(lambda: not server.pending)
    assert another.texts == ["hello"]


async def test_a_process_that_is_killed_before_it_confirms_gets_the_update_again(
    server: TelegramServer, bot: Bot, intake: FakeIntake
) -> None:
    """The record knows it by its keys and keeps it once."""
    server.private_says(LENA, "hello")
    hangs = Hangs()
    async with polling(hangs, bot):
        await hangs.until(lambda: len(hangs.kept) == 1)
    intake.kept += hangs.kept
    assert len(server.pending) == 1
    async with polling(intake, bot):
        await server.until(lambda: not server.pending)
    assert (len(intake.tried), intake.texts) == (1, ["hello"])


async def test_what_could_not_be_kept_comes_again_and_nothing_overtakes_it(
    server: TelegramServer, bot: Bot, intake: FakeIntake, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither lost nor skipped, and none of its words is in the log."""
    for text in ("one", "two", "three"):
        server.private_says(LENA, f"secret {text}")
    intake.fail(3)
    async with polling(intake, bot):
        await server.until(lambda: not server.pending)
    assert intake.texts == ["secret one", "secret two", "secret three"]
    assert [one.text for one in intake.tried[:4]] == ["secret one"] * 4
    assert "IntakeDown" in caplog.text
    assert "secret" not in caplog.text


async def test_only_what_was_kept_of_a_batch_is_confirmed(server: TelegramServer, bot: Bot) -> None:
    """The first of two is not fetched twice when the second fails."""
    server.private_says(LENA, "one")
    server.private_says(LENA, "two")

    intake = FailsAtTheSecond()
    async with polling(intake, bot):
        await server.until(lambda: not server.pending)
    assert [one.text for one in intake.tried] == ["one", "two", "two"]


async def test_a_redelivery_and_a_wrong_order_change_nothing(
    server: TelegramServer, bot: Bot, intake: FakeIntake
) -> None:
    """The order is the platform's, whatever the order of arrival."""
    async with polling(intake, bot):
        await server.until(lambda: server.polled)
        with server.out_of_order():
            server.private_says(LENA, "one")
            server.private_says(LENA, "two")
        await intake.until(lambda: len(intake.kept) == 2)
        await server.until(lambda: server.polled)
        server.redeliver()
        await server.until(lambda: not server.pending)
    assert [one.text for one in sorted(intake.kept, key=lambda one: one.order)] == ["one", "two"]


@pytest.mark.parametrize(
    "fault", [Fault.ERROR, Fault.DROPPED, Fault.KEPT_DROPPED, Fault.TOO_MANY(1), Fault.REFUSED(401, "Unauthorized")]
)
async def test_a_poll_that_fails_is_tried_again(
    server: TelegramServer, bot: Bot, intake: FakeIntake, fault: Fault
) -> None:
    """Whatever was on its way comes with the next one."""
    server.faults.add("getUpdates", fault)
    server.private_says(LENA, "hello")
    async with polling(intake, bot):
        await server.until(lambda: not server.pending)
    assert intake.texts == ["hello"]


async def test_a_poll_that_is_cut_off_while_it_waits(server: TelegramServer, bot: Bot, intake: FakeIntake) -> None:
    """As a router does at night."""
    async with polling(intake, bot):
        await server.until(lambda: server.polled)
        server.drop_poll()
        server.private_says(LENA, "hello")
        await server.until(lambda: not server.pending)
    assert intake.texts == ["hello"]


async def test_after_a_quiet_week_telegram_counts_anew(server: TelegramServer, bot: Bot, intake: FakeIntake) -> None:
    """Perhaps from below: an offset from before would confirm what nobody has seen."""
    server.private_says(LENA, "before")
    async with polling(intake, bot, replace(QUICK, poll=timedelta(0))):
        await server.until(lambda: not server.pending)
        await server.until(lambda: "offset" not in server.called("getUpdates")[-1])
        server._updates._last_id = 7
        server.private_says(LENA, "after")
        await server.until(lambda: not server.pending)
    assert intake.texts == ["before", "after"]


async def test_a_second_poller_is_named_in_the_log(
    server: TelegramServer, bot: Bot, intake: FakeIntake, caplog: pytest.LogCaptureFixture
) -> None:
    """It is somebody's mistake, and ends when they end it."""
    async with polling(intake, bot), server.bot() as other:
        await server.until(lambda: server.polled)
        with suppress(Conflict):  # each ends the other's poll
            await other.get_updates(timeout=1)
        server.private_says(LENA, "hello")
        await server.until(lambda: not server.pending)
    assert "somebody else receives for this bot" in caplog.text
    assert intake.texts == ["hello"]


async def test_a_webhook_that_is_left_over_ends_and_drops_nothing(
    server: TelegramServer, bot: Bot, intake: FakeIntake
) -> None:
    """Also when the first try to end it fails."""
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    server.private_says(LENA, "hello")
    server.faults.add("getWebhookInfo", Fault.DROPPED)
    server.faults.add("deleteWebhook", Fault.ERROR)
    async with polling(intake, bot):
        await server.until(lambda: not server.pending)
    assert intake.texts == ["hello"]
    assert not any(call.get("drop_pending_updates") for call in server.called("deleteWebhook"))


async def test_an_update_that_nobody_can_read_does_not_keep_back_the_others(
    server: TelegramServer, bot: Bot, intake: FakeIntake, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out by its number, without its words in the log."""
    caplog.set_level(logging.INFO)
    server.private_says(LENA, "secret one", entities=[{"type": "mention"}], date="yesterday")
    server.private_says(LENA, "two")
    async with polling(intake, bot):
        await server.until(lambda: not server.pending)
    assert intake.texts == ["two"]
    assert f"update {server.updates[0]['update_id']} cannot be read" in caplog.text
    assert "secret" not in caplog.text


async def test_the_token_is_not_in_the_log(
    server: TelegramServer, bot: Bot, intake: FakeIntake, caplog: pytest.LogCaptureFixture
) -> None:
    """It is part of every address that is called."""
    caplog.set_level(logging.INFO)
    server.faults.add("getUpdates", Fault.DROPPED, Fault.REFUSED(401, "Unauthorized"))
    server.private_says(LENA, "hello")
    async with polling(intake, bot):
        await server.until(lambda: not server.pending)
    assert caplog.text
    assert server.token not in caplog.text


async def test_everything_that_people_do_is_heard(server: TelegramServer, bot: Bot, intake: FakeIntake) -> None:
    """In private, in a group and in a topic; messages, edits, files, presses, comings and goings. Reactions are not."""
    async with polling(intake, bot):
        await server.until(lambda: server.polled)
        said = server.private_says(LENA, "one")
        server.edits(LENA, said, "one, corrected")
        server.private_says(LENA, "my plan", **server.document())
        server.group_says(GROUP, WALTER, "two")
        thread = server.topic(FORUM, INES, "Lena")
        server.group_says(FORUM, INES, "three", thread=thread)
        server.leaves(GROUP, WALTER)
        server.reacts(LENA, said, "👍")
        ours = server._new_message(server.bot_user, LENA)
        ours["reply_markup"] = {"inline_keyboard": [[{"text": "Yes", "callback_data": "t0k3n"}]]}
        server.presses(LENA, ours, "t0k3n")
        await server.until(lambda: not server.pending)
    assert [(one.kind, one.text, one.address.room, one.thread) for one in intake.kept] == [
        (Kind.MESSAGE, "one", str(LENA), ""),
        (Kind.EDIT, "one, corrected", str(LENA), ""),
        (Kind.MESSAGE, "my plan", str(LENA), ""),
        (Kind.MESSAGE, "two", str(GROUP), ""),
        (Kind.MESSAGE, "three", str(FORUM), str(thread)),
        (Kind.JOIN, "left: Walter", str(GROUP), ""),
        (Kind.JOIN, "left: Walter", str(GROUP), ""),
        (Kind.PRESS, "", str(LENA), ""),
    ]
    assert intake.kept[2].attachments[0].what == "the file plan.pdf"
    assert server.called("getUpdates")[0]["allowed_updates"] == list(ALLOWED)


# ── the webhook ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def hearing(intake: FakeIntake, bot: Bot) -> TelegramHearing:
    return TelegramHearing(intake, bot, now=lambda: NOON, secret=SECRET)


async def test_a_webhook_answers_when_the_update_is_kept(
    server: TelegramServer, intake: FakeIntake, hearing: TelegramHearing
) -> None:
    """Not before: while the house writes, Telegram waits."""
    gate = asyncio.Event()
    intake.wait_for(gate)
    async with served(hearing) as url:
        server.private_says(LENA, "before")
        await hearing.set_webhook(url)
        await intake.until(lambda: len(intake.tried) == 1)
        assert (server.deliveries, len(server.pending)) == ([], 1)
        gate.set()
        server.private_says(LENA, "after")
        await server.until(lambda: not server.pending)
        assert intake.texts == ["before", "after"]
        asked = server.called("setWebhook")[-1]
    assert (asked["secret_token"], asked["allowed_updates"]) == (SECRET, list(ALLOWED))
    assert not asked.get("drop_pending_updates")


async def test_what_a_webhook_could_not_keep_is_delivered_again(
    server: TelegramServer, intake: FakeIntake, hearing: TelegramHearing, caplog: pytest.LogCaptureFixture
) -> None:
    """And kept once, however often it comes."""
    intake.fail(2)
    async with served(hearing) as url:
        await hearing.set_webhook(url)
        server.private_says(LENA, "secret")
        await server.until(lambda: not server.pending)
        server.redeliver()
        await server.until(lambda: len(server.deliveries) == 4)
    assert [one.status for one in server.deliveries] == [500, 500, 200, 200]
    assert intake.texts == ["secret"]
    assert "secret" not in caplog.text


async def test_an_unreadable_update_does_not_block_the_webhook(
    server: TelegramServer, intake: FakeIntake, hearing: TelegramHearing
) -> None:
    """Telegram would deliver it for a day, and nothing else meanwhile."""
    async with served(hearing) as url:
        await hearing.set_webhook(url)
        server.private_says(LENA, "one", date="yesterday")
        server.private_says(LENA, "two")
        await server.until(lambda: not server.pending)
    assert intake.texts == ["two"]


UPDATE = b'{"update_id": 7, "message": {"message_id": 1, "date": 1, "text": "hello", "from": {"id": 1001, "is_bot": false, "first_name": "L"}, "chat": {"id": 1001, "type": "private"}}}'  # noqa: E501


@pytest.mark.parametrize(
    ("secret", "body", "status", "kept"),
    [
        (SECRET, UPDATE, 200, 1),
        (None, UPDATE, 403, 0),
        ("", UPDATE, 403, 0),
        ("s3cret", UPDATE, 403, 0),
        ("sécret", UPDATE, 403, 0),
        ("wrong", b"{", 403, 0),
        (SECRET, b"{", 400, 0),
        (SECRET, b"\xff", 400, 0),
        (SECRET, b"[" * 100_000, 400, 0),
        (SECRET, b"[]", 400, 0),
        (SECRET, b"{}", 400, 0),
        (SECRET, b'{"update_id": "7"}', 400, 0),
    ],
)
async def test_only_telegram_is_believed(
    intake: FakeIntake, hearing: TelegramHearing, secret: str | None, body: bytes, status: int, kept: int
) -> None:
    """Everybody can reach the webhook; who does not know the secret learns nothing, not even that a body is broken."""
    headers = {SECRET_HEADER: secret} if secret is not None else {}
    async with (
        served(hearing) as url,
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        assert answer.status == status
        assert await answer.read() in {b"", b"403: Forbidden", b"400: Bad Request"}
    assert len(intake.kept) == kept


async def test_without_a_secret_nobody_is_believed(intake: FakeIntake, bot: Bot) -> None:
    """An empty header would be equal to an empty secret."""
    hearing = TelegramHearing(intake, bot, now=lambda: NOON)
    async with (
        served(hearing) as url,
        aiohttp.ClientSession() as session,
        session.post(url, data=UPDATE, headers={SECRET_HEADER: ""}) as answer,
    ):
        assert answer.status == 403
    with pytest.raises(ValueError, match="CONCIERGE_TELEGRAM_SECRET"):
        await hearing.set_webhook("https://example.org")


async def test_a_secret_can_come_with_the_webhook(server: TelegramServer, intake: FakeIntake, bot: Bot) -> None:
    """From then on it is the one that is asked for."""
    hearing = TelegramHearing(intake, bot, now=lambda: NOON)
    async with served(hearing) as url:
        await hearing.set_webhook(url, "another")
        server.private_says(LENA, "hello")
        await server.until(lambda: not server.pending)
    assert [one.status for one in server.deliveries] == [200]
