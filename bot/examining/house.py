"""Whether this machine has what the concierge stands on: the pack, the record, wake-ups, disk, index, its port."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from redis.asyncio import Redis
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from bot.errors import BotError
from bot.examining.findings import Finding, all_of, attempt, failed, ok, skipped, unforeseen, warning
from bot.ledger.engine import MIGRATIONS, open_engine, reading
from bot.pack import Pack
from bot.settings import Settings
from knowledge.errors import KnowledgeError
from knowledge.generations import current

if TYPE_CHECKING:
    from knowledge.index import Index

TIGHT: Final = 1024**3
"""Free bytes below which somebody should make room."""
FULL: Final = 100 * 1024**2
READING_AN_INDEX: Final = 6
"""Times longer than a question: loading what reads an index takes seconds on a busy machine."""
_INGEST = "Run `concierge ingest`."


async def examine_house(settings: Settings, pack: Pack, *, within: timedelta) -> tuple[Finding, ...]:
    """Everything about this machine."""
    return (
        *_pack(pack),
        *await all_of(
            [
                _record(settings, pack, within),
                _docket(settings, within),
                _disk(settings, pack, within),
                _index(settings, pack, within * READING_AN_INDEX),
                _listen(settings, within),
            ]
        ),
    )


def _pack(pack: Pack) -> Iterator[Finding]:
    yield ok(
        "pack",
        f"{pack.folder}: {len(pack.missions)} missions, {len(pack.customers)} customers, "
        f"{len(pack.stewards)} stewards, {len(pack.rooms)} rooms, {len(pack.documents)} documents",
    )
    for told in pack.warnings:
        yield warning("pack", told, f"Mend it in {pack.folder / 'pack.yaml'}, or know that it is so.")


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _record(settings: Settings, pack: Pack, within: timedelta) -> Finding:
    asking = _look_at_record(settings.record_url(pack.provider), within)
    return await attempt("record", asking, within=within, explain=_explain_record)


async def _look_at_record(url: str, within: timedelta) -> Finding:
    parsed = make_url(url)
    where = parsed.render_as_string(hide_password=True)
    file = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
    if file is not None and not await asyncio.to_thread(file.exists):
        return _to_be_made(where, file)
    engine = open_engine(url, busy_timeout=within.total_seconds() / 2)
    try:
        async with reading(engine) as connection:
            revision = await connection.run_sync(_revision)
    finally:
        await engine.dispose()
    return _schema(where, revision)


def _to_be_made(where: str, file: Path) -> Finding:
    """SQLite would make a file just by looking."""
    if not os.access(_nearest(file.parent), os.W_OK):
        return failed("record", f"{where} cannot be made: no right to write there", "Choose another CONCIERGE_HOME.")
    return ok("record", f"{where} will be made at the first start")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _schema(where: str, revision: str | None) -> Finding:
    scripts = ScriptDirectory(str(MIGRATIONS))
    newest = scripts.get_current_head()
    if revision is None:
        return ok("record", f"{where} answers; its tables will be made at the first start")
    if revision == newest:
        return ok("record", f"{where} answers; its schema {revision} is the newest")
    if revision in {script.revision for script in scripts.walk_revisions()}:
        do = "The next start brings it up to date; keep a copy from before."
        return warning("record", f"{where}: its schema is {revision}, the newest is {newest}", do)
    do = "Install the newer concierge again; this one must not write there."
    return failed("record", f"{where}: its schema {revision} is of a newer concierge", do)


def _explain_record(error: Exception) -> tuple[str, str]:
    do = "Check CONCIERGE_RECORD (or CONCIERGE_HOME), and that the database is there and lets this user in."
    return (str(error) if isinstance(error, BotError) else unforeseen(error)[0]), do


# ── wake-ups ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _docket(settings: Settings, within: timedelta) -> Finding:
    url = settings.docket
    if url.startswith("memory://"):
        told = "wake-ups stay in this process, which is enough for one"
        return skipped("Redis", told, "For several processes set CONCIERGE_DOCKET=redis://HOST:6379/0.")
    return await attempt("Redis", _ping(url), within=within, explain=_explain_redis)


async def _ping(url: str) -> Finding:
    async with Redis.from_url(url) as redis:
        await redis.ping()
        version = (await redis.info("server")).get("redis_version")
    return ok("Redis", f"answers, version {version}")


def _explain_redis(error: Exception) -> tuple[str, str]:
    return f"{type(error).__name__}: {error}", "Check CONCIERGE_DOCKET and that the server runs and lets us in."


# ── disk ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _disk(settings: Settings, pack: Pack, within: timedelta) -> tuple[Finding, ...] | Finding:
    asking = asyncio.to_thread(_room_on_disk, settings, pack)
    return await attempt("disk", asking, within=within, explain=unforeseen)


def _room_on_disk(settings: Settings, pack: Pack) -> tuple[Finding, ...]:
    record = make_url(settings.record_url(pack.provider))
    folders = [settings.home, settings.index_folder(pack.provider)]
    if record.get_backend_name() == "sqlite" and record.database:
        folders.append(Path(record.database).parent)
    by_disk = {folder.stat().st_dev: folder for folder in map(_nearest, reversed(folders))}
    return tuple(_disk_at(folder, shutil.disk_usage(folder).free) for folder in by_disk.values())


def _disk_at(folder: Path, free: int) -> Finding:
    told = f"{free / 1024**3:.1f} GiB free at {folder.resolve()}"
    if free < FULL:
        return failed("disk", told, "Make room: without it nothing can be kept, and no message is accepted.")
    if free < TIGHT:
        return warning("disk", told, "Make room: a full disk stops the record.")
    return ok("disk", told)


def _nearest(folder: Path) -> Path:
    """The folder, or the innermost one around it that is there."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())


# ── the index ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _index(settings: Settings, pack: Pack, within: timedelta) -> Finding:
    asking = asyncio.to_thread(_look_at_index, pack, settings)
    return await attempt("index", asking, within=within, explain=_explain_index)


def _look_at_index(pack: Pack, settings: Settings) -> Finding:
    folder = settings.index_folder(pack.provider)
    if settings.index_server is None and current(folder) is None:
        return failed("index", f"there is none at {folder} yet, so nothing can be answered", _INGEST)
    # these take a second or two to load: only whoever looks at an index pays for it
    from bot.growing.publishing import DOCUMENTS
    from bot.retrieval import retrieval_of
    from knowledge.embedding import MiniLM

    with retrieval_of(settings, pack.provider).open(folder, MiniLM()) as index:
        behind = _behind(pack, pack.folder / DOCUMENTS, index)
        passages = len(index.everything)
    if behind:
        named = ", ".join(behind[:5]) + (f" and {len(behind) - 5} more" if len(behind) > 5 else "")
        return warning("index", f"{passages} passages; the documents say otherwise by now: {named}", _INGEST)
    return ok("index", f"{passages} passages of {len(pack.documents)} documents, as they are now")


def _behind(pack: Pack, documents: Path, index: Index) -> list[str]:
    """The documents that an ingest would read, write or remove."""
    from knowledge.documents import READER, UnreadableDocument, load
    from knowledge.ingest import replaced_from

    if index.manifest.reader != READER:
        return ["all of them, which another version of the concierge has read"]
    days, known = replaced_from(pack.documents), index.manifest.documents
    described = {
        one.document: (one.title, one.audience, one.valid_from, one.replaced_from, one.caveat)
        for one in index.everything
    }
    behind = [f"{name} is gone" for name in known if name not in {meta.id for meta in pack.documents}]
    for meta in pack.documents:
        now = (meta.title, meta.audience, meta.valid_from, days.get(meta.id), meta.caveat)
        try:
            content = sha256(load(documents, meta)).hexdigest()
        except UnreadableDocument:
            content = ""
        if meta.id not in known:
            behind.append(f"{meta.id} is not in it")
        elif known[meta.id].content != content or described.get(meta.id) != now:
            behind.append(f"{meta.id} has changed")
    return behind


def _explain_index(error: Exception) -> tuple[str, str]:
    return (str(error), _INGEST) if isinstance(error, KnowledgeError) else unforeseen(error)


# ── the port ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _listen(settings: Settings, within: timedelta) -> Finding:
    host, _, port = settings.listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or int(port) > 65_535:
        told = f"{settings.listen!r} is not HOST:PORT"
        return failed("port", told, "Write it as CONCIERGE_LISTEN=127.0.0.1:8080.")
    return await attempt("port", _bind(host, int(port), settings.listen), within=within, explain=_explain_port)


async def _bind(host: str, port: int, listen: str) -> Finding:
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await _is_healthy(host, port):
            return ok("port", f"{listen} is taken by something that answers /healthz: the concierge runs already")
        raise
    server.close()
    await server.wait_closed()
    return ok("port", f"{listen} is free")


async def _is_healthy(host: str, port: int) -> bool:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://[{reached}]:{port}/healthz" if ":" in reached else f"http://{reached}:{port}/healthz"
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _explain_port(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return "something else listens there", "Stop it, or choose another port with CONCIERGE_LISTEN."
    return unforeseen(error)[0], "Choose an address of this machine, and a port above 1023, with CONCIERGE_LISTEN."
