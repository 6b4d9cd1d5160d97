"""Alembic's entry: migrates over the connection that `bot.ledger.engine.migrate` hands it, or over `-x url=…`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from bot.ledger.tables import metadata as speaking
from escalation.tables import metadata as escalating


def run(connection: Connection) -> None:
    # SQLite cannot alter most things in place: Alembic copies the table ("batch") there
    context.configure(
        connection=connection,
        target_metadata=[speaking, escalating],
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).connect() as connection:
        run(connection)
