"""Expand: how far the streams may be trimmed."""

from alembic import op

from migrations.trim_functions import RAISE_STREAM_FLOORS

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(RAISE_STREAM_FLOORS)


def downgrade() -> None:
    op.execute("DROP FUNCTION log.raise_stream_floors")
