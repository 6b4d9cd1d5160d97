"""The record's tables on the escalating side: escalations as events, the cue log, timers as rows."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from escalation.instant import Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

escalations = Table(
    "escalations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "subject",
        String(200),
        nullable=False,
        doc="whom it is about: a customer's id, or the conversation of somebody unknown",
    ),
    Column("customer", String(128)),
    Column("mission", String(128)),
    Column("conversation", Integer, nullable=False, doc="where it began, and where the steward's answer goes"),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    # an escalation that is open is not raised twice, whatever runs at the same time
    Index(
        "uq_escalations_open",
        "subject",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_escalations_customer", "customer", "opened_at"),
)

escalation_events = Table(
    "escalation_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("escalation", Integer, ForeignKey("escalations.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    Column("data", JSON, nullable=False),
    # two writers that decided on the same state cannot both be right: the second one's event has the same position
    Index("uq_escalation_events_position", "escalation", "position", unique=True),
)

cues = Table(
    "cues",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation", Integer, nullable=False),
    Column("message", Integer, nullable=False, doc="the inbox row of the message that carried it"),
    Column("customer", String(128)),
    Column("at", Instant, nullable=False),
    Column("cue", String(32), nullable=False),
    Column("intensity", Float, nullable=False),
    Column("words", JSON, nullable=False),
    Column("reader", String(64), nullable=False, doc="the version of the reader that saw it"),
    Index("uq_cues_message", "message", "cue", unique=True),
    Index("ix_cues_customer", "customer", "at"),
    Index("ix_cues_conversation", "conversation", "at"),
)

cue_corrections = Table(
    "cue_corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cue", Integer, ForeignKey("cues.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("steward", String(128), nullable=False),
    Column("was_there", Boolean, nullable=False, doc="whether the steward sees the cue too"),
    Column("intensity", Float),
    Column("note", Text, nullable=False, default=""),
)

promises = Table(
    "promises",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("customer", String(128), nullable=False),
    Column("steward", String(128), nullable=False, doc="who gave it"),
    Column("what", Text, nullable=False),
    Column("due", Date, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("kept_at", Instant),
    Index("ix_promises_customer", "customer", "kept_at"),
)

timers = Table(
    "timers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("subject", Integer, nullable=False, doc="the escalation that it wakes"),
    Column("due_at", Instant, nullable=False),
    Column("done_at", Instant),
    Index("ix_timers_due", "done_at", "due_at"),
    Index("ix_timers_subject", "kind", "subject"),
)
