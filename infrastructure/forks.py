"""Where log and streams part: the last position of each shard on which both hold the same event. Never writes.

They part when the database went back in time: what a stream holds behind that position is of a lost future, and what
the log holds behind it was never published. Found by halving, for all shards at once: about twenty round trips for a
million events.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import asyncpg

from contracts.streams import EntryId, parse_entry_id, stream_name
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["Fork", "Queries", "find_forks"]

type Queries = Pool | asyncpg.Connection[asyncpg.Record] | "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""What answers queries: a pool, or a connection with a transaction of its own."""


class Fork(NamedTuple):
    """One shard of log and stream. Positions are dense, so that differences of positions count events.

    `agreed` is the last position on which both agree: the stream's entry there has the log's id and event id. Where
    there is no stream, it is where the log ends; where the stream was trimmed to nothing, its last id, if the log has
    that; and where the stream was trimmed further than they agree, the trim floor. `stream_event` is the event id of
    the stream's last entry, empty where that was trimmed. `is_known`: an epoch begins right behind `agreed` already,
    so that relays go on and readers know.
    """

    shard: int
    epoch: int
    head: EntryId
    stream_end: EntryId
    stream_event: str
    agreed: int
    is_known: bool

    @property
    def is_lost(self) -> bool:
        """Tell whether the stream holds what the log does not, and no epoch says so."""
        return self.ghosts > 0 and not self.is_known

    @property
    def ghosts(self) -> int:
        """Return how many entries of the stream are of a lost future."""
        return max(0, self.stream_end.position - self.agreed)

    @property
    def unpublished(self) -> int:
        """Return how many events of the log the stream does not have."""
        return self.head.position - self.agreed


class _Shard(NamedTuple):
    """What both sides say of themselves: `floor` is certain to be agreed on, `first` the stream's first entry.

    `epochs` are the log's, each with its first position, ascending.
    """

    shard: int
    epochs: Sequence[tuple[int, int]]
    head: EntryId
    floor: int
    stream_end: EntryId
    stream_event: str
    first: EntryId | None


_SHARDS: Final = """
SELECT f.shard, x.epochs, h.epoch AS head_epoch, h.position AS head_position,
  greatest(f.position, t.position) AS floor
FROM log.floors f JOIN log.stream_floors t ON t.shard = f.shard, LATERAL log.head_of(f.shard) h, LATERAL (
  SELECT array_agg(ARRAY[x.epoch, x.first_position] ORDER BY x.epoch) AS epochs
  FROM log.epochs x WHERE x.shard = f.shard
) AS x
ORDER BY f.shard
"""

_EVENTS: Final = """
SELECT s.shard, e.epoch, s.position, e.event_id::text AS event_id
FROM unnest($1::smallint[], $2::bigint[]) AS s(shard, position)
CROSS JOIN LATERAL (
  SELECT l.epoch, l.event_id FROM log.events l
  WHERE l.shard = s.shard AND l.position BETWEEN s.position AND s.position ORDER BY l.position LIMIT 1
) AS e
"""


async def find_forks(queries: Queries, redis: RedisClient) -> list[Fork]:
    """Return the fork of every shard, by shard. Raises the errors of a server out of reach."""
    rows = await queries.fetch(_SHARDS)
    shards = await _look_at_streams(redis, rows)
    agreed = await _bisect(queries, redis, shards)
    unknown = await _find_unknown_epochs(redis, shards)
    return [
        _fork(each, max(each.floor, min(agreed[each.shard], unknown.get(each.shard, agreed[each.shard]))))
        for each in shards
    ]


def _fork(shard: _Shard, agreed: int) -> Fork:
    later = [first for epoch, first in shard.epochs if epoch > shard.stream_end.epoch]
    return Fork(
        shard=shard.shard,
        epoch=shard.epochs[-1][0],
        head=shard.head,
        stream_end=shard.stream_end,
        stream_event=shard.stream_event,
        agreed=agreed,
        is_known=bool(later) and min(later) == agreed + 1,
    )


async def _look_at_streams(redis: RedisClient, rows: Sequence[asyncpg.Record]) -> list[_Shard]:
    """Return what both sides say, in one round trip to Redis."""
    pipeline = redis.pipeline(transaction=False)
    for row in rows:
        name = stream_name(row["shard"])
        pipeline.exists(name)
        pipeline.xrange(name, count=1)
        pipeline.xrevrange(name, count=1)
        pipeline.xinfo_stream(name)
    answers = await pipeline.execute(raise_on_error=False)
    return [_shard(row, *answers[4 * number : 4 * number + 4]) for number, row in enumerate(rows)]


def _shard(row: asyncpg.Record, is_there: object, first: Any, last: Any, information: Any) -> _Shard:  # noqa: ANN401 - as redis-py answers
    for answer in (is_there, first, last, information if is_there else None):
        if isinstance(answer, Exception):
            raise answer
    return _Shard(
        shard=row["shard"],
        epochs=[(epoch, first) for epoch, first in row["epochs"]],
        head=EntryId(row["head_epoch"], row["head_position"]),
        floor=row["floor"],
        stream_end=parse_entry_id(information["last-generated-id"].decode()) if is_there else EntryId(0, 0),
        stream_event=last[0][1].get(b"event_id", b"").decode() if last else "",
        first=parse_entry_id(first[0][0].decode()) if first else None,
    )


async def _bisect(queries: Queries, redis: RedisClient, shards: Sequence[_Shard]) -> dict[int, int]:
    """Return the last position of each shard on which log and stream agree; its floor where no entry agrees."""
    low = {each.shard: each.floor for each in shards}
    high = {each.shard: each.head.position for each in shards}
    proven = set[int]()
    streams = {each.shard: each for each in shards}
    for each in shards:
        if each.stream_end == (0, 0):
            low[each.shard] = each.head.position  # there is nothing that could contradict the log
            proven.add(each.shard)
    while middle := {shard: (low[shard] + high[shard] + 1) // 2 for shard in low if low[shard] < high[shard]}:
        logged = await _read_events(queries, middle)
        held = await _read_entries(redis, {shard: entry for shard, (entry, _) in logged.items()})
        for shard, (entry, event_id) in logged.items():
            stream = streams[shard]
            is_trimmed = entry < stream.first if stream.first else entry <= stream.stream_end
            if held[shard] == event_id:
                proven.add(shard)
            if is_trimmed or held[shard] == event_id:
                low[shard] = middle[shard]
            else:
                high[shard] = middle[shard] - 1
    for each in shards:
        if each.first is None and low[each.shard] == each.stream_end.position:
            proven.add(each.shard)  # trimmed to nothing: its last id is all there is to compare
    return {shard: position if shard in proven else streams[shard].floor for shard, position in low.items()}


async def _read_events(queries: Queries, positions: Mapping[int, int]) -> dict[int, tuple[EntryId, str]]:
    rows = await queries.fetch(_EVENTS, list(positions), list(positions.values()))
    return {row["shard"]: (EntryId(row["epoch"], row["position"]), row["event_id"]) for row in rows}


async def _read_entries(redis: RedisClient, entries: Mapping[int, EntryId]) -> dict[int, str]:
    """Return the event id of one entry of each stream, empty where the stream does not hold it."""
    pipeline = redis.pipeline(transaction=False)
    for shard, entry in entries.items():
        pipeline.xrange(stream_name(shard), min=str(entry), max=str(entry))
    answers = await pipeline.execute()
    return {
        shard: found[0][1].get(b"event_id", b"").decode() if found else ""
        for shard, found in zip(entries, answers, strict=True)
    }


async def _find_unknown_epochs(redis: RedisClient, shards: Sequence[_Shard]) -> dict[int, int]:
    """Return, where a stream has epochs that the log does not know, the position before the lowest that they begin at.

    So it is after a restore to a moment before a bump: readers have gone over to the later epoch from there on.
    """
    before: dict[int, int] = {}
    for each in shards:
        for epoch in range(each.epochs[-1][0] + 1, each.stream_end.epoch + 1):
            found: Any = await redis.xrange(stream_name(each.shard), min=f"{epoch}-0", max=f"{epoch}-{2**63}", count=1)
            if found:
                first = parse_entry_id(found[0][0].decode()).position - 1
                before[each.shard] = min(first, before.get(each.shard, first))
    return before
