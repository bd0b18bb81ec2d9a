"""Expand: spending that brings no event adds to a budget instead of replacing its state."""

from alembic import op

from migrations.commit_command import COMMIT_COMMAND_2
from migrations.commit_command_3 import COMMIT_COMMAND_3

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Replace the function; processes of the version before know nothing of the new way."""
    op.execute(COMMIT_COMMAND_3)


def downgrade() -> None:
    """Put the one before back."""
    op.execute(COMMIT_COMMAND_2.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
