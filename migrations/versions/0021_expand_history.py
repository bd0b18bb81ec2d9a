"""Expand: the log with its archive as one relation, for who reads from the beginning."""

from alembic import op

from migrations.history import HISTORY

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(HISTORY)


def downgrade() -> None:
    op.execute("DROP VIEW log.history")
