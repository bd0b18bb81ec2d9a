"""How far projections have come: their checkpoints, and the heads of the log to compare them with."""

from typing import Final, NamedTuple

from contracts.streams import EntryId
from infrastructure.parking import NOTHING_PARKED, ParkedRoots
from infrastructure.postgres import Pool
from infrastructure.read_versions import ReadVersion

__all__ = ["NeverBuiltError", "Standing", "open_checkpoints", "open_serving", "read_standings"]


class NeverBuiltError(Exception):
    """A projection has never begun in a shard whose log was cut: it would lack what went to the archive."""


class Standing(NamedTuple):
    """Where a version of a projection stands in a shard, and where the shard's log ends, and which roots are parked."""

    checkpoint: EntryId
    head: EntryId
    parked: ParkedRoots = NOTHING_PARKED


_POINT: Final = "INSERT INTO read.projections (projection, version) VALUES ($1, 1) ON CONFLICT DO NOTHING"

# The pointer is held: a switch that is under way is waited for, and no checkpoint of a version that it ended is made.
_OPEN_SERVING: Final = """
WITH serving AS (
  SELECT version FROM read.projections WHERE projection = $1 FOR SHARE
), opened AS (
  INSERT INTO read.checkpoints (projection, version, shard, epoch, position)
  SELECT $1, s.version, f.shard, f.epoch, f.position FROM serving s, log.floors f WHERE f.position = 0 ORDER BY f.shard
  ON CONFLICT DO NOTHING
)
SELECT s.version, EXISTS (
  SELECT FROM log.floors f WHERE f.position > 0 AND NOT EXISTS (
    SELECT FROM read.checkpoints c WHERE c.projection = $1 AND c.version = s.version AND c.shard = f.shard)
) AS is_never_built
FROM serving s
"""

# The floors are held: who cuts the log at this moment is waited for, and who does it later sees these checkpoints.
_OPEN: Final = """
WITH floors AS (SELECT f.shard, f.epoch, f.position FROM log.floors f ORDER BY f.shard FOR SHARE)
INSERT INTO read.checkpoints (projection, version, shard, epoch, position)
SELECT $1, $2, f.shard, CASE f.position WHEN 0 THEN f.epoch ELSE 1 END, 0 FROM floors f ORDER BY f.shard
ON CONFLICT DO NOTHING
"""

# The checkpoints first: a head that is read later is never behind them.
_STANDINGS: Final = """
SELECT c.*, h.epoch AS head_epoch, h.position AS head_position
FROM (
  SELECT k.shard, k.epoch, k.position, k.parked_revision, CASE WHEN k.parked_revision IS NULL THEN '{}' ELSE ARRAY(
    SELECT r.root_id FROM read.parked_roots r WHERE r.projection = $1 AND r.version = $2 AND r.shard = k.shard
  ) END AS parked
  FROM read.checkpoints k WHERE k.projection = $1 AND k.version = $2 OFFSET 0
) c, LATERAL log.head_of(c.shard) h
ORDER BY c.shard
"""


async def open_serving(pool: Pool, projection: str) -> ReadVersion:
    """Return the version that serves, with all its checkpoints: those that are missing are made before the first event.

    Raises NeverBuiltError where that event is not in the log any more.
    """
    await pool.execute(_POINT, projection)
    row = await pool.fetchrow(_OPEN_SERVING, projection)
    assert row is not None  # noqa: S101 - it was just made
    if row["is_never_built"]:
        raise NeverBuiltError(projection)
    return ReadVersion(projection, row["version"])


async def open_checkpoints(pool: Pool, version: ReadVersion) -> None:
    """Make the checkpoints of a version that are missing, before the first event; those that are there stay."""
    await pool.execute(_OPEN, *version)


async def read_standings(pool: Pool, version: ReadVersion) -> dict[int, Standing]:
    """Return the committed checkpoint and the head of every shard, in one round trip.

    Empty where the version has no checkpoints: it never had any, or it no longer serves.
    """
    return {
        row["shard"]: Standing(
            EntryId(row["epoch"], row["position"]),
            EntryId(row["head_epoch"], row["head_position"]),
            ParkedRoots(row["parked_revision"], frozenset(row["parked"])),
        )
        for row in await pool.fetch(_STANDINGS, *version)
    }
