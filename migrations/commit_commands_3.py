"""`write.commit_commands` as of version 3: a command that changed nothing may leave a receipt as well."""

from migrations.commit_commands_2 import COMMIT_COMMANDS_2

__all__ = ["COMMIT_COMMANDS_2_AGAIN", "COMMIT_COMMANDS_3"]

_CREATE = "CREATE FUNCTION"
_REPLACE = "CREATE OR REPLACE FUNCTION"

COMMIT_COMMANDS_2_AGAIN = COMMIT_COMMANDS_2.replace(_CREATE, _REPLACE)
"""Version 2 in the place of version 3."""

COMMIT_COMMANDS_3 = COMMIT_COMMANDS_2_AGAIN.replace(
    "r.epoch, r.shards, r.positions",
    "coalesce(r.epoch, 0), coalesce(r.shards, '{}'), coalesce(r.positions, '{}')",
)
"""As version 2; the receipt of a command that touched no shard has epoch 0 and no positions."""
