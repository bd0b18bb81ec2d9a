"""Expand: a command that budgets allowed is saved only where they still stand as they were found."""

from alembic import op

from migrations.commit_command import COMMIT_COMMAND_2, COMMIT_COMMAND_WITHOUT_GUARD
from migrations.functions import COMMIT_COMMAND

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None

_PARAMETERS = (
    *("text", "text", "text", "bytea", "bytea"),
    *("text[]", "uuid[]", "bigint[]", "bigint[]", "jsonb[]"),
    *("uuid[]", "integer[]", "bytea[]", "smallint[]"),
    *("smallint[]", "uuid[]", "text[]", "text[]", "uuid[]", "bigint[]", "uuid[]", "bytea[]"),
    *("text[]", "uuid[]", "bigint[]"),
)


def upgrade() -> None:
    """Make the new function, and let the old one call it."""
    op.execute(COMMIT_COMMAND_2)
    op.execute(COMMIT_COMMAND_WITHOUT_GUARD)


def downgrade() -> None:
    """Put the old one back."""
    op.execute(COMMIT_COMMAND.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(f"DROP FUNCTION write.commit_command({', '.join(_PARAMETERS)})")
