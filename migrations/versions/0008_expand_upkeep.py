"""Expand: registered readers of the streams, the record of upkeep, and an index that finds old receipts."""

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make both tables and the index."""
    op.create_table(
        "readers",
        sa.Column("reader", sa.Text(), nullable=False, comment="The name of a consumer group."),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="Everything up to it is acknowledged."),
        sa.Column(
            "missed",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Events trimmed before it had them.",
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "shard", name="readers_pkey"),
        schema="log",
    )
    op.create_table(
        "upkeep",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False, comment="What the last run that found something did."),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True, comment="When that was."),
        sa.Column("total", sa.BigInteger(), nullable=False, comment="What all runs did."),
        sa.Column(
            "words",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="What keeps it from doing more.",
        ),
        sa.PrimaryKeyConstraint("job", name="upkeep_pkey"),
        schema="log",
    )
    op.create_index("receipts_created_index", "receipts", ["created_at"], schema="write")


def downgrade() -> None:
    """Drop them."""
    op.drop_index("receipts_created_index", "receipts", schema="write")
    op.drop_table("upkeep", schema="log")
    op.drop_table("readers", schema="log")
