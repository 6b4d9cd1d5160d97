"""What `concierge doctor` says of this machine, and of everything together: it looks, and changes nothing."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import servers
from aiohttp import web
from alembic import command
from alembic.config import Config
from fakes import write_pack
from pydantic import SecretStr
from slack_server import SlackServer
from sqlalchemy import Connection, text
from telegram_server import TelegramServer

from bot.doctor import Finding, Verdict, doctor, examine
from bot.examining.findings import WITHIN, discreet, failed, warning
from bot.examining.house import examine_house
from bot.ledger.engine import MIGRATIONS, open_engine, writing
from bot.pack import Pack, load_pack
from bot.settings import Settings
from knowledge.embedding import MiniLM
from knowledge.generations import current
from knowledge.ingest import ingest

OK, WARNING, FAILED, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAILED, Verdict.SKIPPED
SECRETS = {
    "slack_bot_token": "xoxb-a-secret",
    "slack_app_token": "xapp-a-secret",
    "slack_signing_secret": "signing-a-secret",
    "telegram_token": "7:telegram-a-secret",
    "telegram_secret": "hook-a-secret",
}


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CONCIERGE_{name.upper()}", raising=False)


@pytest.fixture
def house(tmp_path: Path) -> dict[str, Any]:
    """Settings that touch nothing but this test's folder."""
    return {"home": tmp_path / "home", "listen": f"127.0.0.1:{servers.free_port()}"}


class Ingested(NamedTuple):
    """A pack, and an index of its documents, to be copied."""

    pack: Path
    chroma: Path


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    folder = tmp_path_factory.mktemp("ingested")
    pack = write_pack(folder / "pack")
    (pack / "documents" / "kit.txt").write_text("Up to 1.5 kg.", "utf-8")
    (pack / "documents" / "kit.meta.yaml").write_text("{title: Kit, audience: everyone}", "utf-8")
    ingest(pack / "documents", folder / "index", MiniLM())
    return Ingested(pack=pack, chroma=folder / "index")


@pytest.fixture
def known(ingested: Ingested, tmp_path: Path, house: dict[str, Any]) -> Path:
    """A pack of this test's own, with an index that is up to date."""
    shutil.copytree(ingested.pack, tmp_path / "pack")
    shutil.copytree(ingested.chroma, tmp_path / "index")
    house["index"] = tmp_path / "index"
    return tmp_path / "pack"


def load(folder: Path) -> Pack:
    return load_pack(folder, today=date(2027, 3, 1))


async def look(settings: dict[str, Any], pack: Pack, *, within: timedelta = WITHIN) -> dict[str, Finding]:
    """What is said of this machine, by what it is about; of warnings about the pack the last."""
    found = await examine_house(Settings(**settings), pack, within=within)
    return {one.what: one for one in found}


# ── the pack ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_packs_warnings_are_told(house: dict[str, Any], little_pack: Pack) -> None:
    """A day without anybody on duty is one of them."""
    assert little_pack.warnings
    found = await examine_house(Settings(**house), little_pack, within=WITHIN)
    said = [one for one in found if one.what == "pack"]
    assert [one.verdict for one in said] == [OK, *[WARNING] * len(little_pack.warnings)]
    assert [one.told for one in said[1:]] == list(little_pack.warnings)


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_record_of_the_newest_schema_is_well(house: dict[str, Any], little_pack: Pack, record_url: str) -> None:
    """On either database."""
    found = (await look(house | {"record": record_url}, little_pack))["record"]
    assert found.verdict is OK
    assert "is the newest" in found.told


async def test_an_empty_database_gets_its_tables_at_the_first_start(
    house: dict[str, Any], little_pack: Pack, postgres_server: servers.Postgres
) -> None:
    """It is there, and lets us in."""
    found = (await look(house | {"record": postgres_server.url()}, little_pack))["record"]
    assert found.verdict is OK
    assert "first start" in found.told


async def test_looking_makes_no_record(house: dict[str, Any], little_pack: Pack) -> None:
    """Where there is no file yet, there is none afterwards, and no folder."""
    found = (await look(house, little_pack))["record"]
    assert (found.verdict, house["home"].exists()) == (OK, False)
    assert "will be made" in found.told


async def test_an_older_schema_is_brought_up_by_the_next_start(
    house: dict[str, Any], little_pack: Pack, bare_url: str
) -> None:
    """Who starts it should know, and keep a copy."""
    await _bring_to(bare_url, "0001")
    found = (await look(house | {"record": bare_url}, little_pack))["record"]
    assert found.verdict is WARNING
    assert "its schema is 0001" in found.told


async def test_a_newer_schema_is_not_written_to(house: dict[str, Any], little_pack: Pack, record_url: str) -> None:
    """An older program on a newer record would spoil it."""
    engine = open_engine(record_url)
    async with writing(engine) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    found = (await look(house | {"record": record_url}, little_pack))["record"]
    assert found.verdict is FAILED
    assert "newer concierge" in found.told


async def _bring_to(url: str, revision: str) -> None:
    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = open_engine(url)
    async with writing(engine) as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


async def test_a_record_that_cannot_be_used_is_told(
    house: dict[str, Any], little_pack: Pack, tmp_path: Path, postgres_server: servers.Postgres
) -> None:
    """A file that is no database, a database that is not there, a server that is gone, an address that is none."""
    (tmp_path / "no.db").write_text("not a database " * 100, "utf-8")
    for url in (
        f"sqlite+aiosqlite:///{tmp_path / 'no.db'}",
        postgres_server.url("of_nobody"),
        f"postgresql+asyncpg://u:p@127.0.0.1:{servers.free_port()}/db",
        "postgresql+nothing://host/db",
    ):
        found = (await look(house | {"record": url}, little_pack))["record"]
        assert found.verdict is FAILED, url
        assert "CONCIERGE_RECORD" in found.do


# ── wake-ups, disk, port ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redis_that_answers_is_well(
    house: dict[str, Any], little_pack: Pack, redis_server: servers.Redis
) -> None:
    """And one that is gone is told."""
    settings = house | {"docket": redis_server.url}
    found = (await look(settings, little_pack))["Redis"]
    assert (found.verdict, found.told.split(",")[0]) == (OK, "answers")
    redis_server.kill()
    found = (await look(settings, little_pack))["Redis"]
    assert found.verdict is FAILED
    assert "CONCIERGE_DOCKET" in found.do


@pytest.mark.parametrize(("free", "verdict"), [(10 * 2**20, FAILED), (500 * 2**20, WARNING), (5 * 2**30, OK)])
async def test_a_disk_that_fills_is_told_in_time(
    house: dict[str, Any], little_pack: Pack, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    """First a warning, then a failure: a full disk means that no message is accepted."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    found = (await look(house, little_pack))["disk"]
    assert found.verdict is verdict
    assert found.told.startswith(f"{free / 2**30:.1f} GiB free at ")


async def test_a_port_that_is_taken_is_told(house: dict[str, Any], little_pack: Pack) -> None:
    """Unless it is the concierge itself, which answers /healthz."""

    async def healthy(_: web.Request) -> web.Response:
        return web.Response()

    for routes, verdict in (([], FAILED), ([web.get("/healthz", healthy)], OK)):
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        taken = f"127.0.0.1:{runner.addresses[0][1]}"
        found = (await look(house | {"listen": taken}, little_pack))["port"]
        await runner.cleanup()
        assert found.verdict is verdict, found


async def test_a_port_that_is_free_is_left_free(house: dict[str, Any], little_pack: Pack) -> None:
    """Looking twice finds the same."""
    for _ in range(2):
        assert (await look(house, little_pack))["port"].told == f"{house['listen']} is free"


@pytest.mark.parametrize("listen", ["8080", "127.0.0.1:http", "127.0.0.1:70000", "192.0.2.1:8080"])
async def test_an_address_where_nobody_can_listen_is_told(
    house: dict[str, Any], little_pack: Pack, listen: str
) -> None:
    """Mistyped, or of another machine."""
    found = (await look(house | {"listen": listen}, little_pack))["port"]
    assert found.verdict is FAILED
    assert "CONCIERGE_LISTEN" in found.do


# ── the index ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_an_index_nothing_can_be_answered(house: dict[str, Any], little_pack: Pack) -> None:
    """The line says how to make one."""
    found = (await look(house, little_pack))["index"]
    assert (found.verdict, found.do) == (FAILED, "Run `concierge ingest`.")


async def test_an_index_of_the_documents_as_they_are_is_well(house: dict[str, Any], known: Path) -> None:
    """It says how much is known."""
    found = (await look(house, load(known)))["index"]
    assert (found.verdict, found.told) == (OK, "2 passages of 2 documents, as they are now")


async def test_documents_that_have_changed_are_named(house: dict[str, Any], known: Path) -> None:
    """Their text, or only what is said about them; new ones, and ones that are gone."""
    (known / "documents" / "kit.meta.yaml").write_text("{title: Kit, audience: stewards}", "utf-8")
    (known / "documents" / "handbook.md").unlink()
    (known / "documents" / "food.md").write_text("---\naudience: everyone\n---\nDinner is at eight.", "utf-8")
    found = (await look(house, load(known)))["index"]
    assert found.verdict is WARNING
    assert found.told.endswith(": handbook is gone, food is not in it, kit has changed")
    assert found.do == "Run `concierge ingest`."


async def test_a_document_with_other_words_has_changed(house: dict[str, Any], known: Path) -> None:
    """Also where it was changed back in time: contents are compared, not dates."""
    (known / "documents" / "kit.txt").write_text("Up to 2.5 kg.", "utf-8")
    assert (await look(house, load(known)))["index"].told.endswith(": kit has changed")


async def test_a_damaged_index_is_told(house: dict[str, Any], known: Path) -> None:
    """Nothing can be asked of it; an ingest makes it anew."""
    name = current(house["index"])
    assert name is not None
    (house["index"] / name / "manifest.json").write_text("{", "utf-8")
    found = (await look(house, load(known)))["index"]
    assert (found.verdict, found.do) == (FAILED, "Run `concierge ingest`.")


# ── everything together ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_where_nothing_is_configured_every_line_says_how(house: dict[str, Any], little_pack: Pack) -> None:
    """A terminal needs neither Slack nor Telegram nor Redis."""
    found = await examine(Settings(**house), little_pack, now=lambda: datetime.now(UTC))
    skipped = {one.what: one.do for one in found if one.verdict is SKIPPED}
    assert skipped.keys() == {"Redis", "chat model", "Slack", "Telegram", "clock"}
    assert all(skipped.values())


async def test_the_doctor_is_content_where_nothing_has_failed(
    house: dict[str, Any], known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings and what is not configured are told, and are no failure."""
    assert await doctor(load(known), Settings(**house)) is True
    said = capsys.readouterr().out
    assert "✓ index" in said
    assert "– Slack" in said
    assert "→" in said


async def test_the_doctor_tells_a_failure_with_what_to_do(
    house: dict[str, Any], little_pack: Pack, capsys: pytest.CaptureFixture[str]
) -> None:
    """And then it is not content."""
    assert await doctor(little_pack, Settings(**house)) is False
    said = " ".join(capsys.readouterr().out.split())
    assert "✗ index there is none at" in said
    assert "→ Run `concierge ingest`." in said


async def test_no_secret_is_ever_printed(
    house: dict[str, Any], little_pack: Pack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when all is wrong either: clients put tokens into their errors, and passwords stand in addresses."""
    monkeypatch.setenv("COLUMNS", "1000")  # a secret must not hide in a line break
    port = servers.free_port()
    async with SlackServer() as slack, TelegramServer() as telegram:
        settings = house | {name: SecretStr(value) for name, value in SECRETS.items()}
        settings |= {
            "slack_api": slack.base_url,
            "telegram_api": telegram.base_url.removesuffix("/bot"),
            "record": f"postgresql+asyncpg://u:p%40ss-a-secret@127.0.0.1:{port}/db",
            "docket": f"redis://:redis-a-secret@127.0.0.1:{port}/0",
        }
        assert await doctor(little_pack, Settings(**settings)) is False
        settings |= {"slack_api": "xoxb-a-secret", "telegram_api": "http://127.0.0.1:1/7:telegram-a-secret"}
        assert await doctor(little_pack, Settings(**settings)) is False
    said = capsys.readouterr()
    assert "Slack said invalid_auth" in said.out
    assert "a-secret" not in said.out + said.err


def test_a_secret_in_a_finding_is_hidden() -> None:
    """The longest first: one may be part of another."""
    finding = failed("a token", "the token abc-def was refused", "do not use abc")
    hidden = discreet(finding, ["abc", "abc-def", ""])
    assert (hidden.told, hidden.do) == ("the token ••• was refused", "do not use •••")


def test_a_finding_that_is_not_well_says_what_to_do() -> None:
    """Otherwise it is of no use to whoever reads it."""
    with pytest.raises(ValueError, match="does not say what to do"):
        warning("disk", "nearly full", "")
