"""Expand: one append for all shards, and one function that saves one command or several."""

from alembic import op

from migrations.commit_commands_2 import APPEND_TO_SHARDS, COMMIT_COMMANDS_2

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make them beside those that processes of the version before call."""
    op.execute(APPEND_TO_SHARDS)
    op.execute(COMMIT_COMMANDS_2)


def downgrade() -> None:
    """Take them away again."""
    op.execute(
        "DROP FUNCTION write.commit_commands(text, text[], text[], bytea[], bytea[], integer[], smallint[], text[],"
        " uuid[], bigint[], bigint[], jsonb[], uuid[], integer[], bytea[], smallint[], smallint[], uuid[], text[],"
        " text[], uuid[], bigint[], uuid[], bytea[], text[], uuid[], bigint[])"
    )
    op.execute("DROP FUNCTION log.append_to_shards")
