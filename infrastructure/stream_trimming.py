"""Trimming the streams: the floor is raised in PostgreSQL first, then the stream is cut there. Never by length.

The floor stays behind every projection and registered reader, except one that lags further than the limit. A stream
whose end the log does not hold is left alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from contracts.streams import EntryId, stream_name
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.strangers import as_columns
from infrastructure.stream_shapes import read_shapes

__all__ = [
    "WARNING_SHARE",
    "Retention",
    "StreamBounds",
    "StreamFloor",
    "raise_floors",
    "read_floors",
    "read_streams",
    "trim_streams",
]

WARNING_SHARE: Final = 0.8
"""The part of the limit from which on a reader that lags is told of, before the limit bites."""
_STEP: Final = 10_000
"""Entries that one call removes at most, so that Redis answers others in between."""

_RAISE: Final = "SELECT * FROM log.raise_stream_floors($1, $2, $3, $4, $5, $6)"


class Retention(NamedTuple):
    """Entries that a stream keeps at least, those that it holds at most for who lags, and days of the log, 0: all."""

    keep: int = 10_000
    limit: int = 1_000_000
    log_days: int = 0


class StreamBounds(NamedTuple):
    """The first and the last entry that a stream holds, and how many there are."""

    first: EntryId
    last: EntryId
    last_event: str
    length: int


class StreamFloor(NamedTuple):
    """The last entry that was trimmed from a shard's stream, or may be; what is behind it stays."""

    shard: int
    entry: EntryId


async def read_streams(redis: RedisClient, shards: Sequence[int]) -> dict[int, StreamBounds]:
    """Return the bounds of those streams that hold anything, in one round trip; raises redis-py's errors."""
    return {
        shard: StreamBounds(shape.first, shape.last, shape.last_event or "", shape.length)
        for shard, shape in (await read_shapes(redis, shards)).items()
        if shape.first is not None and shape.last is not None
    }


async def raise_floors(pool: Pool, streams: Mapping[int, StreamBounds], retention: Retention) -> list[StreamFloor]:
    """Raise the floors of the streams as far as everybody may miss it, and return them as they are then."""
    epochs, positions = as_columns(bounds.last for bounds in streams.values())
    rows = await pool.fetch(
        _RAISE,
        list(streams),
        epochs,
        positions,
        [bounds.last_event for bounds in streams.values()],
        retention.keep,
        retention.limit,
    )
    return [StreamFloor(shard, EntryId(epoch, position)) for shard, epoch, position in rows]


async def read_floors(pool: Pool) -> list[StreamFloor]:
    """Return the floor of every stream."""
    rows = await pool.fetch("SELECT shard, epoch, position FROM log.stream_floors ORDER BY shard")
    return [StreamFloor(shard, EntryId(epoch, position)) for shard, epoch, position in rows]


async def trim_streams(redis: RedisClient, floors: Sequence[StreamFloor], streams: Mapping[int, StreamBounds]) -> int:
    """Remove what is not behind the floors, step by step, and return how many entries went."""
    removed = 0
    starts = {floor.shard: streams[floor.shard].first for floor in floors if floor.shard in streams}
    goals = {floor.shard: _after(floor.entry) for floor in floors}
    while starts := {shard: start for shard, start in starts.items() if start < goals[shard]}:
        starts = {
            shard: min(EntryId(start.epoch, start.position + _STEP), goals[shard]) for shard, start in starts.items()
        }
        pipeline = redis.pipeline(transaction=False)
        for shard, start in starts.items():
            pipeline.xtrim(stream_name(shard), minid=str(start), approximate=False)
        gone = dict(zip(starts, await pipeline.execute(), strict=True))
        removed += sum(gone.values())
        # Nothing is left of this epoch, whose end in the stream nobody knows: its last entries may be of a lost future.
        starts = {shard: start if gone[shard] else EntryId(start.epoch + 1, 0) for shard, start in starts.items()}
    return removed


def _after(entry: EntryId) -> EntryId:
    return EntryId(entry.epoch, entry.position + 1)
