"""Expand: the schemas write, log and read with their shared tables, and the functions of the line."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.functions import APPEND_EVENTS, COMMIT_COMMAND, ENSURE_PARTITIONS, HEAD_OF

revision: str = "0001"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None


def _make_write() -> None:
    """Make aggregates, messages, receipts and API keys."""
    op.create_table(
        "aggregates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column(
            "revision",
            sa.BigInteger(),
            nullable=False,
            comment="Up by one with every write: the optimistic check.",
        ),
        sa.Column(
            "generation",
            sa.BigInteger(),
            nullable=False,
            comment="Up by one with every event: the aggregate's version.",
        ),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("revision >= 1", name="aggregates_revision_check"),
        sa.CheckConstraint("generation >= 1", name="aggregates_generation_check"),
        sa.PrimaryKeyConstraint("id", name="aggregates_pkey"),
        schema="write",
    )
    op.execute(
        "CREATE UNIQUE INDEX agents_name_key ON write.aggregates (workspace_id, (state ->> 'name'))"
        " WHERE kind = 'agent'"
    )
    op.execute(
        "CREATE INDEX tasks_claimable_index ON write.aggregates (workspace_id, (state ->> 'agent_id'),"
        " (((state ->> 'priority')::bigint)) DESC, (((state ->> 'claimable_at')::bigint)))"
        " WHERE kind = 'task' AND (state ->> 'claimable_at') IS NOT NULL"
    )
    op.create_table(
        "messages",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="JSON as it is handed to the worker."),
        sa.PrimaryKeyConstraint("task_id", "ordinal", name="messages_pkey"),
        schema="write",
    )
    op.create_table(
        "receipts",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False, comment="SHA-256 of the request."),
        sa.Column(
            "result",
            sa.LargeBinary(),
            nullable=False,
            comment="JSON from which the answer is rendered; holds no secret.",
        ),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("shards", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("positions", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "principal", "key", name="receipts_pkey"),
        schema="write",
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False, comment="SHA-256; the secret has 256 random bits."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="api_keys_pkey"),
        schema="write",
    )


def _make_log() -> None:
    """Make the partitioned log, its epochs and its floors."""
    op.create_table(
        "events",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("aggregate_kind", sa.Text(), nullable=False),
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("root_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column(
            "envelope",
            sa.LargeBinary(),
            nullable=False,
            comment="The finished CloudEvents JSON; nobody writes it again.",
        ),
        sa.PrimaryKeyConstraint("shard", "position", name="events_pkey"),
        schema="log",
        postgresql_partition_by="RANGE (position)",
    )
    op.create_table(
        "epochs",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "epoch", name="epochs_pkey"),
        schema="log",
    )
    op.create_table(
        "floors",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True, comment="The event at the floor; null at position 0."),
        sa.PrimaryKeyConstraint("shard", name="floors_pkey"),
        schema="log",
    )


def upgrade() -> None:
    """Make the three schemas, their shared tables and the functions."""
    for schema in ("write", "log", "read"):
        op.execute(f"CREATE SCHEMA {schema}")
    _make_write()
    _make_log()
    op.create_table(
        "checkpoints",
        sa.Column("projection", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("projection", "version", "shard", name="checkpoints_pkey"),
        schema="read",
    )
    for function in (HEAD_OF, APPEND_EVENTS, COMMIT_COMMAND, ENSURE_PARTITIONS):
        op.execute(function)


def downgrade() -> None:
    """Drop everything: there is nothing before this revision."""
    for schema in ("read", "log", "write"):
        op.execute(f"DROP SCHEMA {schema} CASCADE")
