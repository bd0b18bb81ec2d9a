"""Expand: the dead letters of projections, and the revision of a shard's parked roots on its checkpoint."""

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: None = None
depends_on: None = None


def _now() -> sa.TextClause:
    return sa.text("clock_timestamp()")


def _place() -> tuple[sa.Column[str], sa.Column[int], sa.Column[int]]:
    """Return the columns that name a projection's shard."""
    return (
        sa.Column("projection", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
    )


def _make_roots() -> None:
    """Make the parked roots."""
    op.create_table(
        "parked_roots",
        *_place(),
        sa.Column("root_id", sa.Uuid(), nullable=False),
        sa.Column("dead_letter_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column(
            "failed_position",
            sa.BigInteger(),
            nullable=False,
            comment="The event that failed; its root waits from here.",
        ),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=_now(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=_now(), nullable=False),
        sa.PrimaryKeyConstraint("projection", "version", "shard", "root_id", name="parked_roots_pkey"),
        schema="read",
    )
    op.create_index("parked_roots_dead_letter_index", "parked_roots", ["dead_letter_id"], unique=True, schema="read")
    op.create_index("parked_roots_workspace_index", "parked_roots", ["workspace_id", "dead_letter_id"], schema="read")


def _make_events() -> None:
    """Make what waits for them."""
    op.create_table(
        "parked_events",
        *_place(),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("aggregate_kind", sa.Text(), nullable=False),
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("root_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "envelope",
            sa.LargeBinary(),
            nullable=False,
            comment="A copy: the log may be cut before somebody looks.",
        ),
        sa.PrimaryKeyConstraint("projection", "version", "shard", "position", name="parked_events_pkey"),
        schema="read",
    )
    columns = ["projection", "version", "root_id", "position"]
    op.create_index("parked_events_root_index", "parked_events", columns, schema="read")


def _make_requests() -> None:
    """Make what people ask for."""
    op.create_table(
        "parked_requests",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("dead_letter_id", sa.Uuid(), nullable=False),
        *_place(),
        sa.Column("root_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="retry, or skip."),
        sa.Column("position", sa.BigInteger(), comment="The event to skip."),
        sa.Column("event_id", sa.Uuid(), comment="The event to skip."),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=_now(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text(), comment="released, failed_again or refused; null while nobody has done it."),
        sa.Column(
            "applied", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="Events that were applied."
        ),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("request_id", name="parked_requests_pkey"),
        schema="read",
    )
    columns = ["dead_letter_id", "requested_at"]
    op.create_index("parked_requests_dead_letter_index", "parked_requests", columns, schema="read")


def upgrade() -> None:
    """Make the tables and the column."""
    _make_roots()
    _make_events()
    _make_requests()
    op.add_column(
        "checkpoints",
        sa.Column(
            "parked_revision",
            sa.Uuid(),
            comment="Changes with the set of parked roots; null: none yet.",
        ),
        schema="read",
    )


def downgrade() -> None:
    """Drop them: what was parked is lost, and the read models must be built again."""
    op.drop_column("checkpoints", "parked_revision", schema="read")
    for table in ("parked_requests", "parked_events", "parked_roots"):
        op.drop_table(table, schema="read")
