"""Contract: the functions that saved commands until `write.commit_commands` of version 2 did it for all."""

from alembic import op

from migrations.commit_command import COMMIT_COMMAND_WITHOUT_GUARD
from migrations.commit_commands import COMMIT_COMMAND_4, COMMIT_COMMANDS

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: None = None
depends_on: None = None

# By their names and parameters, of which there are up to 27: those of the one that stays count receipts.
_DROP = """
DO $$
DECLARE
  old regprocedure;
BEGIN
  FOR old IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'write'::regnamespace
    AND p.proname IN ('commit_command', 'commit_commands') AND 'p_receipt_numbers' <> ALL (p.proargnames)
  LOOP
    EXECUTE 'DROP FUNCTION ' || old;
  END LOOP;
END $$
"""


def upgrade() -> None:
    """Drop them: no process calls them since revision 0022."""
    op.execute(_DROP)


def downgrade() -> None:
    """Make them again, for processes of before that revision."""
    for function in (COMMIT_COMMAND_4, COMMIT_COMMAND_WITHOUT_GUARD, COMMIT_COMMANDS):
        op.execute(function)
