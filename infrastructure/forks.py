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
from infrastructure.strangers import find_other_keys, is_impossible, judge_end

__all__ = ["Fork", "Queries", "find_forks"]

type Queries = Pool | asyncpg.Connection[asyncpg.Record] | "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""What answers queries: a pool, or a connection with a transaction of its own."""


class Fork(NamedTuple):
    """One shard of log and stream. Positions are dense, so that differences of positions count events.

    `agreed` is the last position on which both agree: the stream's entry there has the log's id and event id. Where
    there is no stream, it is where the log ends; where the stream was trimmed to nothing, its last id, if the log has
    that; and where the stream was trimmed further than they agree, the trim floor. `stream_event` is the event id of
    the stream's last entry, empty where that was trimmed. `is_known`: an epoch begins right behind `agreed` already,
    so that relays go on and readers know. `strange` says in words what no log can have written there, and what helps.
    """

    shard: int
    epoch: int
    head: EntryId
    stream_end: EntryId
    stream_event: str
    agreed: int
    is_known: bool
    strange: str = ""

    @property
    def is_lost(self) -> bool:
        """Tell whether the stream holds what the log does not, and no epoch says so."""
        return self.ghosts > 0 and not self.is_known and not self.strange

    @property
    def ghosts(self) -> int:
        """Return how many entries of the stream are of a lost future."""
        return max(0, self.stream_end.position - self.agreed)

    @property
    def unpublished(self) -> int:
        """Return how many events of the log the stream does not have."""
        return self.head.position - self.agreed


class _Stream(NamedTuple):
    """What a stream says of itself: `first` is its first entry, `last` the fields of its last."""

    end: EntryId = EntryId(0, 0)
    first: EntryId | None = None
    last: Mapping[bytes, bytes] | None = None
    other_key: str = ""


class _Shard(NamedTuple):
    """What both sides say of themselves: `floor` is certain to be agreed on.

    `epochs` are the log's, each with its first position, ascending.
    """

    shard: int
    epochs: Sequence[tuple[int, int]]
    head: EntryId
    floor: int
    stream: _Stream


_SHARDS: Final = "SELECT shard FROM log.floors ORDER BY shard"

_LOG: Final = """
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
    """Return the fork of every shard, by shard. Raises the errors of a server out of reach.

    The streams are looked at before the log: what came onto a stream meanwhile cannot look like something lost.
    """
    streams = await _look_at_streams(redis, [row["shard"] for row in await queries.fetch(_SHARDS)])
    shards = [_shard(row, streams[row["shard"]]) for row in await queries.fetch(_LOG)]
    agreed = await _bisect(queries, redis, shards)
    unknown = await _find_unknown_epochs(redis, shards)
    return [
        _fork(each, max(each.floor, min(agreed[each.shard], unknown.get(each.shard, agreed[each.shard]))))
        for each in shards
    ]


def _fork(shard: _Shard, agreed: int) -> Fork:
    stream = shard.stream
    later = [first for epoch, first in shard.epochs if epoch > stream.end.epoch]
    return Fork(
        shard=shard.shard,
        epoch=shard.epochs[-1][0],
        head=shard.head,
        stream_end=stream.end,
        stream_event=(stream.last or {}).get(b"event_id", b"").decode(errors="replace"),
        agreed=agreed,
        is_known=bool(later) and min(later) == agreed + 1,
        strange=stream.other_key or _strange(shard),
    )


def _strange(shard: _Shard) -> str:
    words = judge_end(shard.stream.end, shard.stream.last, shard.epochs[-1][0])
    return words and f"{words}; `bureau streams refill {shard.shard}` fills it anew from the log"


def _shard(row: asyncpg.Record, stream: _Stream) -> _Shard:
    return _Shard(
        shard=row["shard"],
        epochs=[(epoch, first) for epoch, first in row["epochs"]],
        head=EntryId(row["head_epoch"], row["head_position"]),
        floor=row["floor"],
        stream=stream,
    )


async def _look_at_streams(redis: RedisClient, shards: Sequence[int]) -> dict[int, _Stream]:
    """Return what the streams say, in two round trips."""
    others = await find_other_keys(redis, shards)
    asked = [shard for shard in shards if shard not in others]
    pipeline = redis.pipeline(transaction=False)
    for shard in asked:
        name = stream_name(shard)
        pipeline.exists(name)
        pipeline.xrange(name, count=1)
        pipeline.xrevrange(name, count=1)
        pipeline.xinfo_stream(name)
    answers = await pipeline.execute(raise_on_error=False)
    streams = {shard: _stream(*answers[4 * number : 4 * number + 4]) for number, shard in enumerate(asked)}
    return streams | {shard: _Stream(other_key=words) for shard, words in others.items()}


def _stream(is_there: object, first: Any, last: Any, information: Any) -> _Stream:  # noqa: ANN401 - as redis-py answers
    for answer in (is_there, first, last, information if is_there else None):
        if isinstance(answer, Exception):
            raise answer
    return _Stream(
        end=parse_entry_id(information["last-generated-id"].decode()) if is_there else EntryId(0, 0),
        first=parse_entry_id(first[0][0].decode()) if first else None,
        last=last[0][1] if last else None,
    )


async def _bisect(queries: Queries, redis: RedisClient, shards: Sequence[_Shard]) -> dict[int, int]:
    """Return the last position of each shard on which log and stream agree; its floor where no entry agrees."""
    low = {each.shard: each.floor for each in shards}
    high = {each.shard: each.head.position for each in shards}
    proven = set[int]()
    streams = {each.shard: each.stream for each in shards}
    floors = {each.shard: each.floor for each in shards}
    for each in shards:
        if each.stream.end == (0, 0):
            low[each.shard] = each.head.position  # there is nothing that could contradict the log
            proven.add(each.shard)
    while middle := {shard: (low[shard] + high[shard] + 1) // 2 for shard in low if low[shard] < high[shard]}:
        logged = await _read_events(queries, middle)
        held = await _read_entries(redis, {shard: entry for shard, (entry, _) in logged.items()})
        for shard, (entry, event_id) in logged.items():
            stream = streams[shard]
            is_trimmed = entry < stream.first if stream.first else entry <= stream.end
            if held[shard] == event_id:
                proven.add(shard)
            if is_trimmed or held[shard] == event_id:
                low[shard] = middle[shard]
            else:
                high[shard] = middle[shard] - 1
    for each in shards:
        if each.stream.first is None and low[each.shard] == each.stream.end.position:
            proven.add(each.shard)  # trimmed to nothing: its last id is all there is to compare
    return {shard: position if shard in proven else floors[shard] for shard, position in low.items()}


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
        shard: found[0][1].get(b"event_id", b"").decode(errors="replace") if found else ""
        for shard, found in zip(entries, answers, strict=True)
    }


async def _find_unknown_epochs(redis: RedisClient, shards: Sequence[_Shard]) -> dict[int, int]:
    """Return, where a stream has epochs that the log does not know, the position before the lowest that they begin at.

    So it is after a restore to a moment before a bump: readers have gone over to the later epoch from there on. One
    call for each such epoch that the stream really holds; ends before an id that no log gives out.
    """
    before: dict[int, int] = {}
    for each in shards:
        epoch = newest = each.epochs[-1][0]
        while epoch < each.stream.end.epoch:
            found: Any = await redis.xrange(stream_name(each.shard), min=f"{epoch + 1}-0", count=1)
            entry = parse_entry_id(found[0][0].decode()) if found else EntryId(0, 0)
            if not found or is_impossible(entry, newest):
                break
            epoch = entry.epoch
            before[each.shard] = min(entry.position - 1, before.get(each.shard, entry.position - 1))
    return before
