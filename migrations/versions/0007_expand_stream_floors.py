"""Expand: how far each stream was trimmed."""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table; nothing was trimmed yet, so that streams begin at the floor of the log."""
    op.create_table(
        "stream_floors",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True, comment="The event at the floor; null at position 0."),
        sa.PrimaryKeyConstraint("shard", name="stream_floors_pkey"),
        schema="log",
    )
    op.execute("INSERT INTO log.stream_floors SELECT shard, epoch, position, event_id FROM log.floors")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("stream_floors", schema="log")
