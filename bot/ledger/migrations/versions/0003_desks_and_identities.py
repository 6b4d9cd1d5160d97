"""desks in chat apps, buttons, identities and invitations, gaps, notes and promises"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from escalation.instant import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_JSON_LIST = "[]"

# column: type, whether it may be empty, what the rows have that are there already
_INBOX = {
    "ref": (sa.String(length=64), False, ""),
    "answers": (sa.String(length=64), False, ""),
    "pressed": (sa.JSON(), True, None),
}
_OUTBOX = {
    "direct": (sa.Boolean(), False, sa.true()),
    "act": (sa.String(length=16), False, "say"),
    "target": (sa.String(length=255), False, ""),
    "recipient": (sa.JSON(), True, None),
    "under": (sa.String(length=64), False, ""),
    "mentions": (sa.JSON(), False, _JSON_LIST),
    "buttons": (sa.JSON(), False, _JSON_LIST),
    "card": (sa.Integer(), True, None),
    "opens": (sa.Boolean(), False, sa.false()),
    "prompt": (sa.String(length=64), False, ""),
    "confirms": (sa.JSON(), True, None),
    "grants": (sa.JSON(), False, _JSON_LIST),
    "asks": (sa.JSON(), False, _JSON_LIST),
    "escalation": (sa.Integer(), True, None),
    "doubts": (sa.Integer(), False, "0"),
}


def upgrade() -> None:
    op.create_table(
        "cards",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("escalation", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=128), nullable=False),
        sa.Column("thread", sa.String(length=64), nullable=False),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
    )
    with op.batch_alter_table("cards", schema=None) as batch_op:
        batch_op.create_index("uq_cards_place", ["escalation", "channel", "team", "room"], unique=True)
        batch_op.create_index("ix_cards_thread", ["channel", "team", "room", "thread"], unique=False)

    op.create_table(
        "buttons",
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("choice", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_buttons")),
    )
    with op.batch_alter_table("buttons", schema=None) as batch_op:
        batch_op.create_index("uq_buttons_meaning", ["action", "subject", "choice"], unique=True)

    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=False),
        sa.Column("bound_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index("uq_identities_who", ["channel", "team", "user"], unique=True)

    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("identity", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["identity"], ["identities.id"], name=op.f("fk_invitations_identity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
    )

    op.create_table(
        "gaps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("inbox", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.Integer(), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_gaps_conversation")),
        sa.ForeignKeyConstraint(["inbox"], ["inbox.id"], name=op.f("fk_gaps_inbox")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gaps")),
        sa.UniqueConstraint("inbox", name=op.f("uq_gaps_inbox")),
    )

    op.create_table(
        "promises",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=False),
        sa.Column("steward", sa.String(length=128), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("kept_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    with op.batch_alter_table("promises", schema=None) as batch_op:
        batch_op.create_index("ix_promises_customer", ["customer", "kept_at"], unique=False)

    for table, columns in {"inbox": _INBOX, "outbox": _OUTBOX}.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, (kind, empty, before) in columns.items():
                batch_op.add_column(sa.Column(name, kind, nullable=empty, server_default=before))
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, (kind, empty, before) in columns.items():
                if before is not None:
                    batch_op.alter_column(name, server_default=None, existing_type=kind, existing_nullable=empty)
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_foreign_key(batch_op.f("fk_outbox_card"), "cards", ["card"], ["id"])
        batch_op.create_index("ix_outbox_pace", ["channel", "team", "sending_at"], unique=False)
        batch_op.create_index("ix_outbox_platform_id", ["platform_id"], unique=False)
        batch_op.create_index("ix_outbox_escalation", ["escalation"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_escalation")
        batch_op.drop_index("ix_outbox_platform_id")
        batch_op.drop_index("ix_outbox_pace")
        batch_op.drop_constraint(batch_op.f("fk_outbox_card"), type_="foreignkey")
    for table, columns in {"inbox": _INBOX, "outbox": _OUTBOX}.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in columns:
                batch_op.drop_column(name)
    for table in ("promises", "gaps", "invitations", "identities", "buttons", "cards"):
        op.drop_table(table)
