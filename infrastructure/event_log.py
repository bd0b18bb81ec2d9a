"""Reading the log: what the relay carries, and from where readers fill the holes of a stream. Never writes events."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal, NamedTuple
from uuid import UUID

from contracts.streams import EntryId
from infrastructure.postgres import Pool

__all__ = [
    "LogRow",
    "LogSource",
    "count_shards",
    "ensure_partitions",
    "read_heads",
    "read_log",
    "read_missing_history",
    "remembered_shards",
]

type LogSource = Literal["log.events", "log.history"]
"""What is read: the log, or the log with what retention took to the archive."""


class LogRow(NamedTuple):
    """One event as the log holds it; `envelope` is opaque."""

    shard: int
    position: int
    epoch: int
    event_id: UUID
    root_id: UUID
    event_type: str
    envelope: bytes
    aggregate_id: UUID
    generation: int


# Bounded above and below, so that only the partitions in question are touched. A plan may be made when a partition is
# still empty and be kept while it fills: LATERAL, ORDER BY and LIMIT hold every lookup on the primary key even then.
_READ: Final = """
SELECT e.shard, e.position, e.epoch, e.event_id, e.root_id, e.event_type, e.envelope, e.aggregate_id, e.generation
FROM unnest($1::smallint[], $2::bigint[]) AS s(shard, after)
CROSS JOIN LATERAL (
  SELECT o.*, sum(length(o.envelope)) OVER (ORDER BY o.position ROWS UNBOUNDED PRECEDING) AS bytes FROM (
    SELECT l.* FROM {source} l
    WHERE l.shard = s.shard AND l.position > s.after AND l.position <= s.after + $3
    ORDER BY l.position LIMIT $3
  ) AS o
) AS e
WHERE e.bytes <= $4 OR e.position = s.after + 1
ORDER BY e.shard, e.position
"""


async def read_log(
    pool: Pool, after: Mapping[int, int], *, limit: int, max_bytes: int, source: LogSource = "log.events"
) -> list[LogRow]:
    """Return the events that follow the given position of each shard, by shard and position, in one round trip.

    At most `limit` events and `max_bytes` of envelopes a shard, but always the next one where there is one.
    """
    statement = _READ.format(source=source)
    rows = await pool.fetch(statement, list(after.keys()), list(after.values()), limit, max_bytes)
    return [LogRow(*row) for row in rows]


# The floors are held: a cut that is under way is waited for. A partition on its way to the archive is missing then, see
# `infrastructure/archiving.py`. Whole partitions go, so their ends tell what is missing.
_MISSING: Final = """
WITH needed AS (
  SELECT f.shard, coalesce(c.position, 0) + 1 AS first, f.position AS floor
  FROM log.floors f LEFT JOIN read.projections p ON p.projection = $1
  LEFT JOIN read.checkpoints c ON c.projection = $1 AND c.version = p.building AND c.shard = f.shard
  WHERE f.position > coalesce(c.position, 0) FOR SHARE OF f
)
SELECT n.shard, min(p.position) AS position
FROM needed n CROSS JOIN LATERAL (
  SELECT n.first UNION SELECT n.floor
  UNION SELECT generate_series((n.first / 1000000 + 1) * 1000000, n.floor, 1000000)
) AS p(position)
WHERE NOT EXISTS (SELECT FROM log.history h WHERE h.shard = n.shard AND h.position = p.position)
GROUP BY n.shard
"""


async def read_missing_history(pool: Pool, projection: str) -> dict[int, int]:
    """Return by shard the first position found missing of what a rebuild needs from before the log's beginning.

    That is all, or what follows the checkpoints of the version that is being built. The ends of the partitions are
    looked at; what is missing inside of one is found when it is read.
    """
    rows = await pool.fetch(_MISSING, projection)
    return {row["shard"]: row["position"] for row in rows}


async def read_heads(pool: Pool) -> dict[int, EntryId]:
    """Return the last committed entry of every shard; position 0 where a shard is empty."""
    rows = await pool.fetch("SELECT f.shard, h.epoch, h.position FROM log.floors f, LATERAL log.head_of(f.shard) h")
    return {row["shard"]: EntryId(row["epoch"], row["position"]) for row in rows}


async def count_shards(pool: Pool) -> int:
    """Return the number of shards, fixed when the database was made."""
    count: int = await pool.fetchval("SELECT count(*) FROM log.floors")
    return count


def remembered_shards(pool: Pool) -> Callable[[], Awaitable[int]]:
    """Return a function that tells the number of shards and asks the database once: the number never changes."""
    known: list[int] = []

    async def shards() -> int:
        if not known:
            known.append(await count_shards(pool))
        return known[0]

    return shards


async def ensure_partitions(pool: Pool, ahead: int = 2) -> int:
    """Make the log's partitions ahead of time; return how many were made."""
    made: int = await pool.fetchval("SELECT log.ensure_partitions($1)", ahead)
    return made
