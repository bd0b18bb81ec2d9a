"""Who reads the streams: consumer groups by name, and how far each has come. Reads and writes log.readers.

A registered reader holds trimming back, and its groups are made again from here after Redis lost them. Positions are
only ever updated where the reader is registered, so that what was removed stays removed.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from infrastructure.strangers import is_impossible

__all__ = [
    "GroupKey",
    "ReaderPosition",
    "ReaderStanding",
    "read_reader_positions",
    "read_reader_standings",
    "register_reader",
    "remove_reader",
    "save_reader_positions",
]


class GroupKey(NamedTuple):
    """One consumer group on the stream of one shard."""

    reader: str
    shard: int


class ReaderPosition(NamedTuple):
    """Up to where a reader has acknowledged everything in one shard."""

    key: GroupKey
    entry: EntryId


class ReaderStanding(NamedTuple):
    """A reader's position beside the log: `lag` in events, `missed` those that were trimmed before it had them.

    `seconds` since the position was seen to move.
    """

    key: GroupKey
    entry: EntryId
    lag: int
    missed: int
    seconds: float


# Whoever trims holds the floors while it looks who is registered; so the floor read here is the last, or is waited for.
_REGISTER: Final = """
WITH starts AS (SELECT f.shard, f.epoch, f.position FROM log.stream_floors f FOR SHARE)
INSERT INTO log.readers (reader, shard, epoch, position)
SELECT $1, s.shard, coalesce(h.epoch, s.epoch), coalesce(h.position, s.position)
FROM starts s LEFT JOIN LATERAL log.head_of(s.shard) h ON $2
ON CONFLICT (reader, shard) DO NOTHING
"""

_READ: Final = """
SELECT reader, shard, epoch, position FROM log.readers
WHERE ($1::smallint[] IS NULL OR shard = ANY($1)) AND ($2::text IS NULL OR reader = $2) ORDER BY reader, shard
"""

_SAVE: Final = """
UPDATE log.readers r SET epoch = n.epoch, position = n.position, updated_at = clock_timestamp()
FROM unnest($1::text[], $2::smallint[], $3::integer[], $4::bigint[]) AS n(reader, shard, epoch, position)
WHERE r.reader = n.reader AND r.shard = n.shard AND (r.epoch, r.position) IS DISTINCT FROM (n.epoch, n.position)
"""

# What a lost future held counts for nothing: the reader has still to read what the log has there now.
_STANDINGS: Final = """
SELECT r.reader, r.shard, r.epoch, r.position,
  greatest(h.position - least(r.position, (
    SELECT min(e.first_position) - 1 FROM log.epochs e WHERE e.shard = r.shard AND e.epoch > r.epoch)), 0),
  r.missed, extract(epoch FROM clock_timestamp() - r.updated_at)::float8
FROM log.readers r, LATERAL log.head_of(r.shard) h ORDER BY r.reader, r.shard
"""


async def register_reader(pool: Pool, reader: str, *, from_now: bool) -> bool:
    """Register a reader from all that the streams still hold, or from now; False where it was registered already."""
    status = await pool.execute(_REGISTER, reader, from_now)
    return status != "INSERT 0 0"


async def remove_reader(pool: Pool, reader: str) -> bool:
    """Forget a reader, which holds nothing back any more; False where there was none of that name."""
    return await pool.execute("DELETE FROM log.readers WHERE reader = $1", reader) != "DELETE 0"


async def read_reader_positions(
    pool: Pool, *, shards: Sequence[int] | None = None, reader: str | None = None
) -> list[ReaderPosition]:
    """Return the positions of all readers and shards, or of those that are named."""
    rows = await pool.fetch(_READ, shards, reader)
    return [ReaderPosition(GroupKey(name, shard), EntryId(*entry)) for name, shard, *entry in rows]


async def read_reader_standings(pool: Pool) -> list[ReaderStanding]:
    """Return where every registered reader stands, by name and shard."""
    rows = await pool.fetch(_STANDINGS)
    return [
        ReaderStanding(GroupKey(name, shard), EntryId(epoch, position), *rest)
        for name, shard, epoch, position, *rest in rows
    ]


async def save_reader_positions(pool: Pool, positions: Mapping[GroupKey, EntryId]) -> None:
    """Note how far readers have come; those that are not registered any more are left out.

    So are those at a stranger's entry, which is behind everything: a group made anew there would be given nothing.
    """
    noted = {key: entry for key, entry in positions.items() if not is_impossible(entry)}
    keys, entries = list(noted), list(noted.values())
    await pool.execute(
        _SAVE,
        [key.reader for key in keys],
        [key.shard for key in keys],
        [entry.epoch for entry in entries],
        [entry.position for entry in entries],
    )
