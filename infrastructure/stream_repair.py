"""Finding streams that a stranger damaged, and emptying them so that compare-and-append fills them from the log.

What may be missing from a stream is what it was trimmed of, recorded as its floor before it is trimmed. Anything else
that is missing at its beginning, at its end or between was taken away by somebody else, and cannot be put back where it
was: ids only go up. So the stream is emptied, and begins anew at its floor.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple

from contracts.streams import EntryId, stream_name
from infrastructure.forks import find_forks
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.strangers import as_columns, find_other_keys, judge_end
from infrastructure.stream_shapes import StreamShape, read_shapes

__all__ = [
    "Damage",
    "Refill",
    "clear_stream",
    "find_damage",
    "judge_shape",
    "plan_refill",
]

_CLEAR: Final = files("infrastructure").joinpath("lua/clear_stream.lua").read_text(encoding="utf-8")

# Two primary key lookups for each; the position of a stream that never held anything is 0, which no event has. By event
# id too: what a lost future left behind is no damage, and must stay until a new epoch begins.
_FLOORS: Final = """
SELECT s.shard, f.position, t.position, EXISTS (
  SELECT FROM log.events e
  WHERE e.shard = s.shard AND e.position BETWEEN s.position AND s.position AND e.epoch = s.epoch
) AND (s.last_event IS NULL OR EXISTS (
  SELECT FROM log.events e
  WHERE e.shard = s.shard AND e.position BETWEEN s.last AND s.last AND e.event_id::text = s.last_event
))
FROM unnest($1::smallint[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[])
  AS s(shard, epoch, position, last, last_event)
JOIN log.floors f ON f.shard = s.shard
JOIN log.stream_floors t ON t.shard = s.shard
"""

_EPOCH: Final = "SELECT max(epoch) FROM log.epochs WHERE shard = $1 AND first_position <= $2"


_NO_SHAPE: Final = StreamShape(EntryId(0, 0), 0, None, None)


class Damage(NamedTuple):
    """What is wrong with a stream, in words; `is_mendable`: the log holds all that the stream should."""

    shard: int
    words: str
    shape: StreamShape
    is_mendable: bool


class Refill(NamedTuple):
    """What emptying a stream comes to: as it is now, and from behind which position to which it is filled anew.

    `has_log_the_end`: the log holds the entry that the stream ends with. `agreed` is the last that both have.
    """

    shard: int
    shape: StreamShape
    floor: int
    head: int
    has_log_the_end: bool
    agreed: EntryId


async def find_damage(pool: Pool, redis: RedisClient, shards: Sequence[int]) -> list[Damage]:
    """Return what is wrong with the streams of some shards.

    The floors are read after the streams, and a floor is recorded before the stream is trimmed: so what is missing
    above a floor was not trimmed by us.
    """
    shapes = await read_shapes(redis, shards)
    absent = [shard for shard in shards if shard not in shapes]
    others = await find_other_keys(redis, absent) if absent else {}
    floors = await _read_floors(pool, shapes)
    return [
        *(Damage(shard, words, _NO_SHAPE, is_mendable=False) for shard, words in others.items()),
        *(
            Damage(shard, words, shape, is_mendable=_is_mendable(shape, log_floor, stream_floor, holds_end=holds_end))
            for shard, log_floor, stream_floor, holds_end in floors
            if (words := judge_shape(shape := shapes[shard], max(log_floor, stream_floor), log_floor))
        ),
    ]


async def plan_refill(pool: Pool, redis: RedisClient, shard: int) -> Refill | None:
    """Return what emptying the stream of a shard would come to; None where there is no stream."""
    shape = (await read_shapes(redis, [shard])).get(shard)
    if shape is None:
        return None
    [(_, log_floor, stream_floor, holds_end)] = await _read_floors(pool, {shard: shape})
    fork = next(fork for fork in await find_forks(pool, redis) if fork.shard == shard)
    epoch: int = await pool.fetchval(_EPOCH, shard, max(1, fork.agreed))
    floor, agreed = max(log_floor, stream_floor), EntryId(epoch, fork.agreed)
    return Refill(shard, shape, floor, fork.head.position, holds_end, agreed)


async def _read_floors(pool: Pool, shapes: Mapping[int, StreamShape]) -> list[Any]:
    """Return (shard, the log's floor, the stream's, does the log hold what the stream ends with) of each shard."""
    epochs, positions = as_columns(shape.last_id for shape in shapes.values())
    _, lasts = as_columns(shape.last or EntryId(0, 0) for shape in shapes.values())
    return await pool.fetch(
        _FLOORS,
        list(shapes),
        epochs,
        positions,
        lasts,
        [shape.last_event for shape in shapes.values()],
    )


def judge_shape(shape: StreamShape, floor: int, log_floor: int = 0) -> str:
    """Say what is missing from a stream that may lack nothing above the floor; empty where nothing is. Pure.

    One that ends before the log begins, after `log_floor`, is an old copy, to which nothing can be added.
    """
    if words := judge_end(shape.last_id, None):
        return words
    if _is_outdated(shape, log_floor):
        return f"the stream ends with {shape.last_id}, and the log begins after position {log_floor}"
    if shape.first is None or shape.last is None:
        return f"every entry after {floor} is missing" if shape.last_id.position > floor else ""
    if shape.last != shape.last_id:
        return f"entries after {shape.last} were deleted"
    if shape.first.position > floor + 1:
        return f"entries after {floor} and before {shape.first} are missing"
    # Ids of one epoch are dense. Across epochs entries of a lost past may stand between them.
    missing = shape.last.position - shape.first.position + 1 - shape.length
    return f"{missing} entries between {shape.first} and {shape.last} are missing" if missing > 0 else ""


async def clear_stream(redis: RedisClient, shard: int, shape: StreamShape, agreed: EntryId | None = None) -> bool:
    """Empty the stream if it still has this shape, keeping its consumer groups; return whether it was.

    A group goes on before the oldest entry that it has not acknowledged, and never behind `agreed`: behind that it has
    read what the log does not have. Entries may come twice, none is left out.
    """
    seen = (shape.last_id, shape.length, shape.first or "", shape.last or "", agreed or "")
    answer: Any = await redis.eval(_CLEAR, 1, stream_name(shard), *map(str, seen))
    return bool(answer[0])


def _is_mendable(shape: StreamShape, log_floor: int, stream_floor: int, *, holds_end: bool) -> bool:
    """Tell whether the log still holds all that the stream should: it may have been cut above the stream's floor.

    Before that cut everybody had read what an outdated copy holds: nobody needs it back.
    """
    if _is_outdated(shape, log_floor):
        return not judge_end(shape.last_id, None)
    is_covered = log_floor <= stream_floor or (shape.first is not None and shape.first.position > log_floor)
    return holds_end and is_covered


def _is_outdated(shape: StreamShape, log_floor: int) -> bool:
    return 0 < shape.last_id.position < log_floor
