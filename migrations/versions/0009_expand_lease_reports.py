"""Expand: what a member says of its work, beside its lease."""

import sqlalchemy as sa
from alembic import op

from migrations.lease_functions import RENEW_LEASES_WITH_REPORT

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the column and the function that fills it."""
    op.add_column(
        "members",
        sa.Column(
            "report",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="What the member says of its work, for people.",
        ),
        schema="log",
    )
    op.execute(RENEW_LEASES_WITH_REPORT)


def downgrade() -> None:
    """Drop both."""
    op.execute("DROP FUNCTION log.renew_leases(uuid, text, text[], double precision, text)")
    op.drop_column("members", "report", schema="log")
