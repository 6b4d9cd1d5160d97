"""The schema: migrations make exactly what the tables say, on both databases, from nothing and again."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, text

from bot.channels.slack.installing import tables
from bot.ledger.engine import MIGRATIONS, migrate, open_engine, writing
from bot.ledger.tables import metadata as speaking
from escalation.tables import metadata as escalating


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _everything() -> MetaData:
    whole = MetaData(naming_convention=speaking.naming_convention)
    for metadata in (speaking, escalating):
        for table in metadata.sorted_tables:
            table.to_metadata(whole)
    # slack-sdk's own tables have slack-sdk's own names for their keys and indexes
    tables(installed := MetaData())
    for table in installed.sorted_tables:
        table.to_metadata(whole)
    return whole


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, _everything()))


async def test_migrations_make_what_the_tables_say(bare_url: str) -> None:
    """Alembic, asked what it would still change, has nothing to say."""
    engine = open_engine(bare_url)
    await migrate(engine)
    async with writing(engine) as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_migrating_again_changes_nothing(bare_url: str) -> None:
    """Every start of every process migrates."""
    engine = open_engine(bare_url)
    for _ in range(2):
        await migrate(engine)
    await engine.dispose()


async def test_one_open_escalation_a_subject_is_held_by_the_database(bare_url: str) -> None:
    """The index is unique and partial: closed escalations of the same subject do not count."""
    engine = open_engine(bare_url)
    await migrate(engine)

    def condition(connection: Connection) -> str:
        indexes = {one["name"]: one for one in inspect(connection).get_indexes("escalations")}
        found = indexes["uq_escalations_open"]
        assert found["unique"]
        return str(found["dialect_options"][f"{connection.dialect.name}_where"])

    async with writing(engine) as connection:
        assert "closed_at IS NULL" in await connection.run_sync(condition)
    await engine.dispose()


async def test_the_way_back_is_open_too(bare_url: str) -> None:
    """Down to nothing and up again, for whoever must go back a release."""
    engine = open_engine(bare_url)
    await migrate(engine)
    async with writing(engine) as connection:
        await connection.run_sync(lambda plain: command.downgrade(_config(plain), "base"))
    async with writing(engine) as connection:
        left = await connection.run_sync(lambda plain: inspect(plain).get_table_names())
    assert left == ["alembic_version"]
    await migrate(engine)
    await engine.dispose()


async def test_answers_that_are_there_already_keep_what_they_were_about(bare_url: str) -> None:
    """From before it was kept apart: an answer was about its own message, and from where is not known."""
    engine = open_engine(bare_url)
    async with writing(engine) as connection:
        await connection.run_sync(lambda plain: command.upgrade(_config(plain), "0004"))
        for statement in _BEFORE_0005:
            await connection.execute(text(statement))
    await migrate(engine)
    async with writing(engine) as connection:
        row = (await connection.execute(text("SELECT asked, post, cited, nearest FROM answers"))).one()
    assert (row.asked, row.post, str(row.cited), str(row.nearest)) == (7, None, "[]", "[]")
    await engine.dispose()


_BEFORE_0005 = (
    "INSERT INTO conversations (id, channel, team, room, direct, created_at) "
    "VALUES (3, 'telegram', '', '1001', true, '2027-03-01 10:00:00')",
    "INSERT INTO inbox (id, event_key, message_key, conversation, kind, sender, present, addressed, thread, ref, "
    "answers, attachments, text, \"order\", sent_at, received_at) VALUES (7, 'e', 'm', 3, 'message', '{}', '[]', true, "
    "'', '', '', '[]', 'How?', '1', '2027-03-01 10:00:00', '2027-03-01 10:00:00')",
    "INSERT INTO answers (id, conversation, inbox, at, outcome, question, score, citations) "
    "VALUES (1, 3, 7, '2027-03-01 10:00:00', 'answered', true, 0.9, '[]')",
)
