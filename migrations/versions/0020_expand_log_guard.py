"""Expand: the database itself refuses changes of the log."""

from alembic import op

from migrations.functions import ENSURE_PARTITIONS
from migrations.log_guard import (
    ENSURE_GUARDED_PARTITIONS,
    GUARD_LOG,
    GUARD_PARTITIONS,
    UNGUARD_LOG,
    UNGUARD_PARTITIONS,
)

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the triggers; `bureau epoch bump` of the version before is refused from then on."""
    for statement in (*GUARD_LOG, GUARD_PARTITIONS, ENSURE_GUARDED_PARTITIONS):
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute(ENSURE_PARTITIONS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    for statement in (UNGUARD_PARTITIONS, *UNGUARD_LOG):
        op.execute(statement)
