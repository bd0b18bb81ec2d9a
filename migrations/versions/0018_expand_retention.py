"""Expand: the archive of the log, and the function that cuts the log."""

from alembic import op

from migrations.retention_functions import CUT_LOG

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA log_archive")
    op.execute("CREATE TABLE log_archive.events (LIKE log.events INCLUDING ALL) PARTITION BY RANGE (position)")
    op.execute(CUT_LOG)


def downgrade() -> None:
    op.execute("DROP FUNCTION log.cut_log")
    op.execute("DROP SCHEMA log_archive CASCADE")
