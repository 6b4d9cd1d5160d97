"""the record"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from escalation.instant import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "conversations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=128), nullable=False),
        sa.Column("direct", sa.Boolean(), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=True),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("held_for", sa.Integer(), nullable=True),
        sa.Column("held_at", Instant(), nullable=True),
        sa.Column("released_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.create_index("ix_conversations_customer", ["customer"], unique=False)
        batch_op.create_index("uq_conversations_place", ["channel", "team", "room"], unique=True)

    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_key", sa.String(length=255), nullable=False),
        sa.Column("message_key", sa.String(length=255), nullable=False),
        sa.Column("conversation", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("about", sa.String(length=255), nullable=True),
        sa.Column("sender", sa.JSON(), nullable=False),
        sa.Column("present", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("order", sa.String(length=64), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_inbox_conversation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("event_key", name=op.f("uq_inbox_event_key")),
        sa.UniqueConstraint("message_key", name=op.f("uq_inbox_message_key")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index("ix_inbox_done_at", ["done_at"], unique=False)
        batch_op.create_index("ix_inbox_waiting", ["conversation", "done_at", "order"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("conversation", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=128), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("sending_at", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("platform_id", sa.String(length=255), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'uncertain', 'failed', 'withheld')", name=op.f("ck_outbox_state")
        ),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_outbox_conversation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_place", ["channel", "team", "room", "state", "id"], unique=False)
        batch_op.create_index("ix_outbox_state", ["state", "not_before"], unique=False)

    op.create_table(
        "answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.Integer(), nullable=False),
        sa.Column("inbox", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("question", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("citations", sa.JSON(), nullable=False),
        sa.CheckConstraint("outcome IN ('answered', 'abstained', 'failed')", name=op.f("ck_answers_outcome")),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_answers_conversation")),
        sa.ForeignKeyConstraint(["inbox"], ["inbox.id"], name=op.f("fk_answers_inbox")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        sa.UniqueConstraint("inbox", name=op.f("uq_answers_inbox")),
    )
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.create_index("ix_answers_conversation", ["conversation", "at"], unique=False)

    op.create_table(
        "transcript",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("message_key", sa.String(length=255), nullable=True),
        sa.Column("inbox", sa.Integer(), nullable=True),
        sa.Column("outbox", sa.Integer(), nullable=True),
        sa.Column("edited_at", Instant(), nullable=True),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.CheckConstraint("role IN ('customer', 'concierge', 'steward', 'stranger')", name=op.f("ck_transcript_role")),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_transcript_conversation")),
        sa.ForeignKeyConstraint(["inbox"], ["inbox.id"], name=op.f("fk_transcript_inbox")),
        sa.ForeignKeyConstraint(["outbox"], ["outbox.id"], name=op.f("fk_transcript_outbox")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript")),
        sa.UniqueConstraint("inbox", name=op.f("uq_transcript_inbox")),
        sa.UniqueConstraint("message_key", name=op.f("uq_transcript_message_key")),
        sa.UniqueConstraint("outbox", name=op.f("uq_transcript_outbox")),
    )
    with op.batch_alter_table("transcript", schema=None) as batch_op:
        batch_op.create_index("ix_transcript_conversation", ["conversation", "id"], unique=False)

    op.create_table(
        "transcript_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["transcript.id"], name=op.f("fk_transcript_versions_entry")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript_versions")),
    )
    with op.batch_alter_table("transcript_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_transcript_versions_entry"), ["entry"], unique=False)

    op.create_table(
        "cues",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.Integer(), nullable=False),
        sa.Column("message", sa.Integer(), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("cue", sa.String(length=32), nullable=False),
        sa.Column("intensity", sa.Float(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cues")),
    )
    with op.batch_alter_table("cues", schema=None) as batch_op:
        batch_op.create_index("ix_cues_conversation", ["conversation", "at"], unique=False)
        batch_op.create_index("ix_cues_customer", ["customer", "at"], unique=False)
        batch_op.create_index("uq_cues_message", ["message", "cue"], unique=True)

    op.create_table(
        "escalations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("customer", sa.String(length=128), nullable=True),
        sa.Column("mission", sa.String(length=128), nullable=True),
        sa.Column("conversation", sa.Integer(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalations")),
    )
    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.create_index("ix_escalations_customer", ["customer", "opened_at"], unique=False)
        batch_op.create_index(
            "uq_escalations_open",
            ["subject"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "timers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
    )
    with op.batch_alter_table("timers", schema=None) as batch_op:
        batch_op.create_index("ix_timers_due", ["done_at", "due_at"], unique=False)
        batch_op.create_index("ix_timers_subject", ["kind", "subject"], unique=False)

    op.create_table(
        "cue_corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cue", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("steward", sa.String(length=128), nullable=False),
        sa.Column("was_there", sa.Boolean(), nullable=False),
        sa.Column("intensity", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["cue"], ["cues.id"], name=op.f("fk_cue_corrections_cue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cue_corrections")),
    )
    with op.batch_alter_table("cue_corrections", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cue_corrections_cue"), ["cue"], unique=False)

    op.create_table(
        "escalation_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("escalation", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["escalation"], ["escalations.id"], name=op.f("fk_escalation_events_escalation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation_events")),
    )
    with op.batch_alter_table("escalation_events", schema=None) as batch_op:
        batch_op.create_index("uq_escalation_events_position", ["escalation", "position"], unique=True)


def downgrade() -> None:

    with op.batch_alter_table("escalation_events", schema=None) as batch_op:
        batch_op.drop_index("uq_escalation_events_position")

    op.drop_table("escalation_events")
    with op.batch_alter_table("cue_corrections", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cue_corrections_cue"))

    op.drop_table("cue_corrections")
    with op.batch_alter_table("timers", schema=None) as batch_op:
        batch_op.drop_index("ix_timers_subject")
        batch_op.drop_index("ix_timers_due")

    op.drop_table("timers")
    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_escalations_open",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index("ix_escalations_customer")

    op.drop_table("escalations")
    with op.batch_alter_table("cues", schema=None) as batch_op:
        batch_op.drop_index("uq_cues_message")
        batch_op.drop_index("ix_cues_customer")
        batch_op.drop_index("ix_cues_conversation")

    op.drop_table("cues")
    with op.batch_alter_table("transcript_versions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_transcript_versions_entry"))

    op.drop_table("transcript_versions")
    with op.batch_alter_table("transcript", schema=None) as batch_op:
        batch_op.drop_index("ix_transcript_conversation")

    op.drop_table("transcript")
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.drop_index("ix_answers_conversation")

    op.drop_table("answers")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_state")
        batch_op.drop_index("ix_outbox_place")

    op.drop_table("outbox")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index("ix_inbox_waiting")
        batch_op.drop_index("ix_inbox_done_at")

    op.drop_table("inbox")
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.drop_index("uq_conversations_place")
        batch_op.drop_index("ix_conversations_customer")

    op.drop_table("conversations")
