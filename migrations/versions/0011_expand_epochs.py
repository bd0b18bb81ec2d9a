"""Expand: what a stream ended with when an epoch began."""

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the columns; nothing is known of the epochs that there are."""
    for name, comment in (
        ("stream_end", "The stream's last id when it began."),
        ("stream_event", "Event id at the stream's end, if any."),
    ):
        op.add_column(
            "epochs", sa.Column(name, sa.Text(), server_default="", nullable=False, comment=comment), schema="log"
        )


def downgrade() -> None:
    """Drop them."""
    for name in ("stream_event", "stream_end"):
        op.drop_column("epochs", name, schema="log")
