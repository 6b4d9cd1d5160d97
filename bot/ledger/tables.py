"""The record's tables on the speaking side. `escalation.tables` owns the others; Alembic owns the schema of both."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy import Float as Real

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

conversations = Table(
    "conversations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("team", String(64), nullable=False, default=""),
    Column("room", String(128), nullable=False),
    Column("direct", Boolean, nullable=False),
    Column("customer", String(128), doc="the customer of a direct conversation, where known"),
    Column("holder", String(128), doc="the steward who holds the conversation"),
    Column("held_for", Integer, doc="the escalation for which it is held"),
    Column("held_at", Instant),
    Column("released_at", Instant, doc="when a person last handed it back"),
    Column("created_at", Instant, nullable=False),
    Index("uq_conversations_place", "channel", "team", "room", unique=True),
    Index("ix_conversations_customer", "customer"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event_key", String(255), nullable=False, unique=True),
    Column("message_key", String(255), nullable=False, unique=True),
    Column("conversation", Integer, ForeignKey("conversations.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("about", String(255)),
    Column("sender", JSON, nullable=False),
    Column("present", JSON, nullable=False),
    Column("addressed", Boolean, nullable=False, doc="whether the concierge is meant"),
    Column("thread", String(64), nullable=False, doc="the platform's name of the thread, or ''"),
    Column("ref", String(64), nullable=False, doc="the platform's id of the message, or ''"),
    Column("answers", String(64), nullable=False, doc="the platform's id of the message that it answers, or ''"),
    Column("pressed", JSON, doc="of a press: the button's token and what its form said"),
    Column("attachments", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("order", String(64), nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("done_at", Instant),
    Index("ix_inbox_waiting", "conversation", "done_at", "order"),
    Index("ix_inbox_done_at", "done_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("conversation", Integer, ForeignKey("conversations.id")),
    Column("channel", String(32), nullable=False),
    Column("team", String(64), nullable=False, default=""),
    Column("room", String(128), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("author", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("direct", Boolean, nullable=False, doc="whether only its addressee reads there"),
    Column("act", String(16), nullable=False, doc="what is done with it: bot.messages.Act"),
    Column("target", String(255), nullable=False, doc="what it is done to, or ''"),
    Column("recipient", JSON, doc="of a whisper or a home: for whom"),
    Column("thread", String(64), nullable=False, doc="where in the room it goes, or ''"),
    Column("under", String(64), nullable=False, doc="the platform's id of the message that it answers, or ''"),
    Column("attachments", JSON, nullable=False),
    Column("mentions", JSON, nullable=False),
    Column("buttons", JSON, nullable=False, doc="action and subject of each of its buttons"),
    Column("card", Integer, ForeignKey("cards.id"), doc="the card that it is, or under which it stands"),
    Column("opens", Boolean, nullable=False, doc="whether it is the card itself"),
    Column("prompt", String(64), nullable=False, doc="the token that an answer to this message completes, or ''"),
    Column("confirms", JSON, doc="the address and id of the message that asked for it, told once it is delivered"),
    Column("grants", JSON, nullable=False, doc="what it may quote, where it goes into a shared room"),
    Column("asks", JSON, nullable=False, doc="the stewards whom it asks to acknowledge an escalation"),
    Column("escalation", Integer, doc="of what asks a steward, and of a steward's words: the escalation"),
    Column("doubts", Integer, nullable=False, default=0, doc="how often nobody could say whether it had arrived"),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("sending_at", Instant),
    Column("sent_at", Instant),
    Column("platform_id", String(255)),
    Column("error", Text),
    CheckConstraint("state IN ('pending', 'sending', 'sent', 'uncertain', 'failed', 'withheld')", name="state"),
    Index("ix_outbox_place", "channel", "team", "room", "state", "id"),
    Index("ix_outbox_pace", "channel", "team", "sending_at"),
    Index("ix_outbox_platform_id", "platform_id"),
    Index("ix_outbox_escalation", "escalation"),
    Index("ix_outbox_state", "state", "not_before"),
)

cards = Table(
    "cards",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("escalation", Integer, nullable=False),
    Column("channel", String(32), nullable=False),
    Column("team", String(64), nullable=False),
    Column("room", String(128), nullable=False),
    Column("thread", String(64), nullable=False, doc="the thread or topic under it, '' until the platform has it"),
    Column("message", String(64), nullable=False, doc="the platform's id of the card, '' until it has it"),
    Index("uq_cards_place", "escalation", "channel", "team", "room", unique=True),
    Index("ix_cards_thread", "channel", "team", "room", "thread"),
)

buttons = Table(
    "buttons",
    metadata,
    Column("token", String(32), primary_key=True),
    Column("action", String(32), nullable=False),
    Column("subject", String(64), nullable=False, doc="what it is about, as KIND:NUMBER"),
    Column("choice", String(128), nullable=False),
    Index("uq_buttons_meaning", "action", "subject", "choice", unique=True),
)

identities = Table(
    "identities",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("team", String(64), nullable=False),
    Column("user", String(128), nullable=False),
    Column("customer", String(128), nullable=False),
    Column("bound_at", Instant, nullable=False),
    Index("uq_identities_who", "channel", "team", "user", unique=True),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True, doc="SHA-256 of the code; the code itself is not kept"),
    Column("customer", String(128), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("identity", Integer, ForeignKey("identities.id")),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("inbox", Integer, ForeignKey("inbox.id"), nullable=False, unique=True, doc="what was not answered"),
    Column("conversation", Integer, ForeignKey("conversations.id"), nullable=False),
    Column("customer", String(128)),
    Column("at", Instant, nullable=False),
)

transcript = Table(
    "transcript",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation", Integer, ForeignKey("conversations.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("role", String(16), nullable=False, doc="customer | concierge | steward | stranger"),
    Column("author", String(128), nullable=False, doc="an id of the pack, 'concierge', or '' for somebody unknown"),
    Column("text", Text, nullable=False),
    Column("message_key", String(255), unique=True, doc="the platform's name of an inbound message"),
    Column("inbox", Integer, ForeignKey("inbox.id"), unique=True),
    Column("outbox", Integer, ForeignKey("outbox.id"), unique=True),
    Column("edited_at", Instant),
    Column("deleted_at", Instant),
    CheckConstraint("role IN ('customer', 'concierge', 'steward', 'stranger')", name="role"),
    Index("ix_transcript_conversation", "conversation", "id"),
)

transcript_versions = Table(
    "transcript_versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("entry", Integer, ForeignKey("transcript.id"), nullable=False, index=True),
    Column("text", Text, nullable=False, doc="what the entry said until `until`"),
    Column("until", Instant, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation", Integer, ForeignKey("conversations.id"), nullable=False),
    Column("inbox", Integer, ForeignKey("inbox.id"), nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("outcome", String(16), nullable=False, doc="answered | partly | abstained | failed"),
    Column("question", Boolean, nullable=False, doc="whether the message was a question"),
    Column("score", Real, nullable=False),
    Column("citations", JSON, nullable=False),
    Column("asked", Integer, ForeignKey("inbox.id"), nullable=False, doc="the message whose words were looked up"),
    Column("cited", JSON, nullable=False, doc="what was said and where: bot.ledger.answered.Place"),
    Column("nearest", JSON, nullable=False, doc="of what was not answered: what came nearest, likewise"),
    Column("post", Integer, ForeignKey("outbox.id"), doc="the message that said it"),
    CheckConstraint("outcome IN ('answered', 'partly', 'abstained', 'failed')", name="outcome"),
    Index("ix_answers_conversation", "conversation", "at"),
    Index("ix_answers_at", "at"),
)

retold = Table(
    "retold",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("answer", Integer, ForeignKey("answers.id"), nullable=False, index=True, doc="the answer that is outdated"),
    Column("outbox", Integer, ForeignKey("outbox.id"), nullable=False, unique=True, doc="what says so"),
    Column("steward", String(128), nullable=False, doc="who had the customer told"),
    Column("at", Instant, nullable=False),
)

kept = Table(
    "kept",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("title", String(200), nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("audience", String(160), nullable=False),
    Column("answered_by", String(128), nullable=False),
    Column("answered_at", Instant, nullable=False),
    Column("escalation", Integer, nullable=False, doc="where it was answered"),
    Column("asked", Integer, ForeignKey("inbox.id"), doc="the customer's message that it answers, where one is known"),
    Column("customer", String(128), doc="who had asked; never published"),
    Column("proposed_by", String(128), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("decided_by", String(128)),
    Column("decided_at", Instant),
    Column("withdrawn_by", String(128)),
    Column("withdrawn_at", Instant),
    Column("why", Text, doc="why it was declined or withdrawn"),
    CheckConstraint("state IN ('proposed', 'approved', 'declined', 'withdrawn')", name="state"),
    Index("ix_kept_state", "state"),
)
