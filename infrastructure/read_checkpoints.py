"""How far projections have come: their checkpoints, and the heads of the log to compare them with."""

from typing import Final, NamedTuple

from contracts.streams import EntryId
from infrastructure.postgres import Pool

__all__ = ["Standing", "open_checkpoints", "read_standings"]


class Standing(NamedTuple):
    """Where a projection stands in a shard, and where the shard's log ends."""

    checkpoint: EntryId
    head: EntryId


_OPEN: Final = """
INSERT INTO read.checkpoints (projection, version, shard, epoch, position)
SELECT $1, $2, f.shard, f.epoch, f.position FROM log.floors f ORDER BY f.shard
ON CONFLICT DO NOTHING
"""

# The checkpoints first: a head that is read later is never behind them.
_STANDINGS: Final = """
SELECT c.shard, c.epoch, c.position, h.epoch AS head_epoch, h.position AS head_position
FROM (
  SELECT shard, epoch, position FROM read.checkpoints WHERE projection = $1 AND version = $2 OFFSET 0
) c, LATERAL log.head_of(c.shard) h
ORDER BY c.shard
"""


async def open_checkpoints(pool: Pool, projection: str, version: int) -> None:
    """Make the checkpoints that are missing, at the floor of the log; those that are there stay."""
    await pool.execute(_OPEN, projection, version)


async def read_standings(pool: Pool, projection: str, version: int) -> dict[int, Standing]:
    """Return the committed checkpoint and the head of every shard, in one round trip."""
    rows = await pool.fetch(_STANDINGS, projection, version)
    return {
        row["shard"]: Standing(EntryId(row["epoch"], row["position"]), EntryId(row["head_epoch"], row["head_position"]))
        for row in rows
    }
