"""Expand: receipts of commands that changed nothing."""

from alembic import op

from migrations.commit_commands_3 import COMMIT_COMMANDS_2_AGAIN, COMMIT_COMMANDS_3

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Replace the function by one that does the same for those who call it by now."""
    op.execute(COMMIT_COMMANDS_3)


def downgrade() -> None:
    """Put the version before in its place."""
    op.execute(COMMIT_COMMANDS_2_AGAIN)
