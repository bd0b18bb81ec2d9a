"""Expand: several commands in one transaction."""

from alembic import op

from migrations.commit_command_3 import COMMIT_COMMAND_3
from migrations.commit_commands import COMMIT_COMMAND_4, COMMIT_COMMANDS

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the function for several; the one for a single command can do without its receipt then."""
    op.execute(COMMIT_COMMAND_4)
    op.execute(COMMIT_COMMANDS)


def downgrade() -> None:
    """Put the old one back."""
    op.execute("DROP FUNCTION write.commit_commands")
    op.execute(COMMIT_COMMAND_3)
