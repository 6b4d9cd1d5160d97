"""what chat apps add: threads, attachments, and whether the concierge is meant"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# rows that are there already came from the terminal: direct, without threads or attachments
_BEFORE = {
    "inbox": {"addressed": sa.true(), "thread": "", "attachments": "[]"},
    "outbox": {"thread": "", "attachments": "[]"},
}
_TYPES = {"addressed": sa.Boolean(), "thread": sa.String(length=64), "attachments": sa.JSON()}


def upgrade() -> None:
    for table, columns in _BEFORE.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, before in columns.items():
                batch_op.add_column(sa.Column(name, _TYPES[name], nullable=False, server_default=before))
    for table, columns in _BEFORE.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in columns:
                batch_op.alter_column(name, server_default=None, existing_type=_TYPES[name], existing_nullable=False)


def downgrade() -> None:
    for table, columns in _BEFORE.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in columns:
                batch_op.drop_column(name)
