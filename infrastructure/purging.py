"""Removing receipts that nobody will ask for any more. Deletes from write.receipts, oldest first, and nothing else."""

from typing import Final

from infrastructure.postgres import Pool

__all__ = ["purge_receipts"]

# Replicas that purge at the same time pass each other by.
_PURGE: Final = """
WITH old AS (
  SELECT workspace_id, principal, key FROM write.receipts
  WHERE created_at < clock_timestamp() - make_interval(days => $1) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
), purged AS (
  DELETE FROM write.receipts r USING old o
  WHERE r.workspace_id = o.workspace_id AND r.principal = o.principal AND r.key = o.key RETURNING 1
)
SELECT count(*) FROM purged
"""


async def purge_receipts(pool: Pool, *, days: int, limit: int) -> int:
    """Remove at most `limit` receipts that are older than so many days; return how many were removed."""
    purged: int = await pool.fetchval(_PURGE, days, limit)
    return purged
