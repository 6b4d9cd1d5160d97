"""what an answer was taken from, what came nearest, answers that are kept as documents, and who was told of changes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from escalation.instant import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LISTS = ("cited", "nearest")


def upgrade() -> None:
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("post", sa.Integer(), nullable=True))
        for name in _LISTS:
            batch_op.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
    op.execute("UPDATE answers SET asked = inbox")
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.alter_column("asked", existing_type=sa.Integer(), nullable=False)
        for name in _LISTS:
            batch_op.alter_column(name, server_default=None, existing_type=sa.JSON(), existing_nullable=False)
        batch_op.create_foreign_key(batch_op.f("fk_answers_asked"), "inbox", ["asked"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_answers_post"), "outbox", ["post"], ["id"])
        batch_op.create_index("ix_answers_at", ["at"], unique=False)
        batch_op.drop_constraint(batch_op.f("ck_answers_outcome"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_answers_outcome"), "outcome IN ('answered', 'partly', 'abstained', 'failed')"
        )

    op.create_table(
        "retold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=False),
        sa.Column("outbox", sa.Integer(), nullable=False),
        sa.Column("steward", sa.String(length=128), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["answer"], ["answers.id"], name=op.f("fk_retold_answer")),
        sa.ForeignKeyConstraint(["outbox"], ["outbox.id"], name=op.f("fk_retold_outbox")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retold")),
        sa.UniqueConstraint("outbox", name=op.f("uq_retold_outbox")),
    )
    op.create_index(op.f("ix_retold_answer"), "retold", ["answer"], unique=False)

    op.create_table(
        "kept",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("audience", sa.String(length=160), nullable=False),
        sa.Column("answered_by", sa.String(length=128), nullable=False),
        sa.Column("answered_at", Instant(), nullable=False),
        sa.Column("escalation", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=True),
        sa.Column("customer", sa.String(length=128), nullable=True),
        sa.Column("proposed_by", sa.String(length=128), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=128), nullable=True),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('proposed', 'approved', 'declined', 'withdrawn')", name=op.f("ck_kept_state")),
        sa.ForeignKeyConstraint(["asked"], ["inbox.id"], name=op.f("fk_kept_asked")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept")),
    )
    op.create_index("ix_kept_state", "kept", ["state"], unique=False)


def downgrade() -> None:
    op.execute("UPDATE answers SET outcome = 'answered' WHERE outcome = 'partly'")
    op.drop_table("kept")
    op.drop_table("retold")
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.drop_index("ix_answers_at")
        batch_op.drop_constraint(batch_op.f("ck_answers_outcome"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_answers_outcome"), "outcome IN ('answered', 'abstained', 'failed')"
        )
        batch_op.drop_constraint(batch_op.f("fk_answers_post"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_answers_asked"), type_="foreignkey")
        for name in ("asked", "post", *_LISTS):
            batch_op.drop_column(name)
