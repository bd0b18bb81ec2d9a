"""Expand: which requests left an event out of a read model."""

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: None = None
depends_on: None = None

# As far as it can be told afterwards: a skip that was carried out, of the first event that waited then.
_BEFORE = """
UPDATE read.parked_requests SET left_out = true
WHERE action = 'skip' AND position IS NOT NULL AND outcome IN ('released', 'failed_again')
"""


def upgrade() -> None:
    """Add the column and its index."""
    column: sa.Column[bool] = sa.Column(
        "left_out", sa.Boolean(), server_default=sa.false(), nullable=False, comment="The read model lacks the event."
    )
    op.add_column("parked_requests", column, schema="read")
    op.create_index(
        "parked_requests_left_out_index",
        "parked_requests",
        ["projection", "version"],
        schema="read",
        postgresql_where=sa.text("left_out"),
    )
    op.execute(_BEFORE)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("parked_requests_left_out_index", "parked_requests", schema="read")
    op.drop_column("parked_requests", "left_out", schema="read")
