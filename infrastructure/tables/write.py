"""The tables of the write side: aggregates, the messages they point to, receipts and API keys.

Only `write.commit_commands` writes aggregates, messages and receipts (see migrations). States are plain JSON:
nothing here knows the domain beyond the few fields that an index guards or finds by.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from infrastructure.tables.metadata import METADATA

__all__ = ["AGGREGATES", "API_KEYS", "MESSAGES", "RECEIPTS"]

_IS_OPEN_TASK = text(
    "kind = 'task'::text AND (state ->> 'state'::text) = ANY"
    " (ARRAY['submitted'::text, 'working'::text, 'input_required'::text, 'auth_required'::text])"
)

AGGREGATES = Table(
    "aggregates",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="Up by one with every write: the optimistic check."),
    Column("generation", BigInteger, nullable=False, comment="Up by one with every event: the aggregate's version."),
    Column("state", JSONB, nullable=False),
    CheckConstraint("revision >= 1", name="revision"),
    CheckConstraint("generation >= 1", name="generation"),
    Index(
        "agents_name_key",
        "workspace_id",
        text("(state ->> 'name'::text)"),
        unique=True,
        postgresql_where=text("kind = 'agent'::text"),
    ),
    Index(
        "tasks_claimable_index",
        "workspace_id",
        text("(state ->> 'agent_id'::text)"),
        text("((state ->> 'priority'::text)::bigint) DESC"),
        text("((state ->> 'claimable_at'::text)::bigint)"),
        postgresql_where=text("kind = 'task'::text AND (state ->> 'claimable_at'::text) IS NOT NULL"),
    ),
    Index(
        "tasks_due_index",
        text("((state ->> 'due_at'::text)::bigint)"),
        postgresql_where=text("kind = 'task'::text AND (state ->> 'due_at'::text) IS NOT NULL"),
    ),
    Index(
        "tasks_slot_key",
        text("(state ->> 'agent_id'::text)"),
        text("(((state -> 'lease'::text) ->> 'slot'::text)::integer)"),
        unique=True,
        postgresql_where=text("kind = 'task'::text AND ((state -> 'lease'::text) ->> 'slot'::text) IS NOT NULL"),
    ),
    Index(
        "budgets_scope_key",
        "workspace_id",
        text("(state ->> 'scope'::text)"),
        unique=True,
        postgresql_where=text("kind = 'budget'::text AND (state ->> 'status'::text) <> 'removed'::text"),
    ),
    Index(
        "tasks_context_index",
        "workspace_id",
        text("(state ->> 'context_id'::text)"),
        "id",
        postgresql_where=_IS_OPEN_TASK,
    ),
    Index(
        "tasks_open_index",
        text("((state ->> 'agent_id'::text)::uuid)"),
        text("jsonb_typeof(state -> 'lease'::text)"),
        "id",
        postgresql_where=_IS_OPEN_TASK,
    ),
    Index(
        "tasks_waiting_index",
        "workspace_id",
        text("((state -> 'waiting'::text) ->> 'request_id'::text)"),
        "id",
        postgresql_where=text(
            "kind = 'task'::text AND ((state -> 'waiting'::text) ->> 'request_id'::text) IS NOT NULL"
        ),
    ),
    schema="write",
)
"""One row an aggregate: exactly the state that a decision needs."""

MESSAGES = Table(
    "messages",
    METADATA,
    Column("task_id", Uuid, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False, comment="JSON as it is handed to the worker."),
    schema="write",
)
"""What workers are handed; content lives here, never in the aggregate's row."""

RECEIPTS = Table(
    "receipts",
    METADATA,
    Column("workspace_id", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column(
        "fingerprint", LargeBinary, nullable=False, comment="SHA-256 of the request; less where it is kept briefly."
    ),
    Column("result", LargeBinary, nullable=False, comment="JSON from which the answer is rendered; holds no secret."),
    Column("epoch", Integer, nullable=False),
    Column("shards", ARRAY(SmallInteger), nullable=False),
    Column("positions", ARRAY(BigInteger), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Index("receipts_kept_index", "created_at", postgresql_where=text("octet_length(fingerprint) >= 32")),
    Index("receipts_brief_index", "created_at", postgresql_where=text("octet_length(fingerprint) < 32")),
    schema="write",
)
"""One row a command that was carried out, in the same transaction as its events; the indexes find what to purge."""

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False, comment="SHA-256; the secret has 256 random bits."),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("roles", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("revoked_at", DateTime(timezone=True)),
    schema="write",
)
"""Keys of machines; `key_id` is the public part and the principal's name."""
