"""Removing receipts that nobody will ask for any more. Deletes from write.receipts, oldest first, and nothing else."""

from datetime import timedelta
from typing import Final

from infrastructure.postgres import Pool

__all__ = ["BRIEFLY", "purge_receipts"]

BRIEFLY: Final = timedelta(hours=1)
"""How long receipts are kept whose fingerprint is not whole: those of commands that nobody but the service can repeat,
and of heartbeats, which do no harm when they are carried out again. No request and no lease lasts longer.
"""

# Replicas that purge at the same time pass each other by. The time is that of the statement, which an index can use.
_PURGE: Final = """
WITH old AS (
  SELECT workspace_id, principal, key FROM write.receipts
  WHERE octet_length(fingerprint) >= 32 AND created_at < statement_timestamp() - $1::interval
  ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
), purged AS (
  DELETE FROM write.receipts r USING old o
  WHERE r.workspace_id = o.workspace_id AND r.principal = o.principal AND r.key = o.key RETURNING 1
)
SELECT count(*) FROM purged
"""
_PURGE_BRIEF: Final = _PURGE.replace(">= 32", "< 32")


async def purge_receipts(pool: Pool, *, days: int, limit: int) -> int:
    """Remove at most `limit` receipts that are older than so many days, or than BRIEFLY; return how many went."""
    brief: int = await pool.fetchval(_PURGE_BRIEF, BRIEFLY, limit)
    kept: int = await pool.fetchval(_PURGE, timedelta(days=days), limit - brief)
    return brief + kept
