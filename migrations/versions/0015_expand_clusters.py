"""Expand: where this database has lived."""

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table; the runner records the cluster that it finds."""
    op.create_table(
        "clusters",
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("system_identifier", sa.Text(), nullable=False, comment="Empty where the server does not say."),
        sa.Column(
            "timeline", sa.Integer(), autoincrement=False, nullable=False, comment="0 where the server does not say."
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", "system_identifier", "timeline", name="clusters_pkey"),
        schema="log",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("clusters", schema="log")
