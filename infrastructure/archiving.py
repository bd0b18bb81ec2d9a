"""What is on its way from the log to the archive, and so in neither of them for the moment. Reads only.

A partition that is detached leaves the log at once; it can be attached to the archive when every transaction that may
still have it in sight has ended. A dump of the database is one that lasts.
"""

from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from infrastructure.postgres import Pool

__all__ = ["explain_missing", "find_archiving"]

_UNDER_WAY: Final = """
SELECT c.relname FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relnamespace = 'log'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^events_[0-9]{6}$'
AND (i.inhparent IS NULL OR i.inhdetachpending) ORDER BY c.relname
"""
# Whoever detaches holds a lock too, one that only it takes. Of another role's transaction it is not said when it began.
_OLDEST: Final = """
SELECT format('%s (process %s of the database)', coalesce(nullif(a.application_name, ''), a.usename), a.pid)
  || coalesce(', in a transaction since ' || to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS'), '')
FROM pg_stat_activity a LEFT JOIN LATERAL (
  SELECT true AS is_any, bool_or(l.mode = 'ShareUpdateExclusiveLock') AS is_of_detaching FROM pg_locks l
  WHERE l.pid = a.pid AND l.relation = 'log.events'::regclass HAVING count(*) > 0
) AS held ON true
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
AND (held.is_any OR a.backend_xmin IS NOT NULL AND a.xact_start IS NOT NULL) AND held.is_of_detaching IS NOT TRUE
ORDER BY a.xact_start NULLS FIRST LIMIT 1
"""


async def find_archiving(queries: "Pool | PoolConnectionProxy[asyncpg.Record]") -> str:
    """Say which partitions are on their way to the archive and what keeps them; empty where none is."""
    partitions = [row[0] for row in await queries.fetch(_UNDER_WAY)]
    if not partitions:
        return ""
    oldest = await queries.fetchval(_OLDEST)
    waits = f"waits for {oldest}" if oldest else "goes on within a minute where a relay archives"
    return f"archiving of {', '.join(partitions)} is under way and {waits}"


async def explain_missing(
    queries: "Pool | PoolConnectionProxy[asyncpg.Record]", message: str, otherwise: str = ""
) -> str:
    """Return what is missing and why that may end soon, or else something where no archiving is under way."""
    under_way = await find_archiving(queries)
    return f"{message}: {under_way}; try again after that" if under_way else f"{message}{otherwise}"
