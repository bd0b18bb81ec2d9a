"""Where everything on the line stands: streams and checkpoints beside the log, for people and checks. Reads only."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from contracts.streams import EntryId, parse_entry_id
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.strangers import as_columns
from infrastructure.stream_shapes import read_shapes

__all__ = [
    "Backlog",
    "Checkpoint",
    "StreamEntry",
    "read_backlogs",
    "read_checkpoints",
    "read_new_entries",
    "read_stream_heads",
]


_BACKLOGS: Final = """
SELECT f.shard, greatest(h.position - b.start, 0), (
  SELECT round(extract(epoch FROM clock_timestamp() - e.recorded_at), 1)::float8 FROM log.events e
  WHERE e.shard = f.shard AND e.position BETWEEN b.start + 1 AND b.start + 1 ORDER BY e.position LIMIT 1)
FROM log.floors f
JOIN log.stream_floors t ON t.shard = f.shard
JOIN unnest($1::smallint[], $2::bigint[]) AS s(shard, position) ON s.shard = f.shard
CROSS JOIN LATERAL log.head_of(f.shard) h
CROSS JOIN LATERAL (
  SELECT greatest(s.position, f.position, CASE WHEN s.position = 0 THEN t.position END) AS start
) AS b
"""


class Checkpoint(NamedTuple):
    """How far one projection has come in one shard."""

    projection: str
    version: int
    shard: int
    entry: EntryId


class Backlog(NamedTuple):
    """How many events of a shard are not on its stream yet, and how long the first has waited; None where none has."""

    events: int
    oldest_seconds: float | None


class StreamEntry(NamedTuple):
    """One event as a stream holds it; `envelope` is opaque."""

    entry: EntryId
    event_id: str
    envelope: bytes


async def read_checkpoints(pool: Pool) -> list[Checkpoint]:
    """Return every checkpoint of the versions that serve, by projection and shard."""
    rows = await pool.fetch(
        "SELECT c.projection, c.version, c.shard, c.epoch, c.position FROM read.checkpoints c"
        " LEFT JOIN read.projections p USING (projection) WHERE c.version = coalesce(p.version, 1)"
        " ORDER BY c.projection, c.shard"
    )
    return [Checkpoint(name, version, shard, EntryId(*entry)) for name, version, shard, *entry in rows]


async def read_stream_heads(redis: RedisClient, shards: Sequence[int]) -> dict[int, EntryId]:
    """Return the last id of each shard's stream, in one round trip; 0-0 where there is no stream."""
    shapes = await read_shapes(redis, shards)
    return {shard: shapes[shard].last_id if shard in shapes else EntryId(0, 0) for shard in shards}


async def read_backlogs(pool: Pool, streams: Mapping[int, EntryId]) -> dict[int, Backlog]:
    """Return for every shard what its stream, which ends at the given entry, still lacks; by the database's clock."""
    _, positions = as_columns(streams.values())
    rows = await pool.fetch(_BACKLOGS, list(streams), positions)
    return {shard: Backlog(events, seconds) for shard, events, seconds in rows}


async def read_new_entries(
    redis: RedisClient, after: Mapping[str, str], *, wait_milliseconds: int
) -> list[tuple[str, list[StreamEntry]]]:
    """Return what follows the given ids, by stream, as soon as there is something; nothing after the wait.

    The client's socket timeout must be longer than the wait.
    """
    answer: Any = await redis.xread({name: after[name] for name in after}, block=wait_milliseconds)
    return _streams(answer)


def _streams(answer: Any) -> list[tuple[str, list[StreamEntry]]]:  # noqa: ANN401 - what redis-py answers
    """RESP2 answers pairs of stream and entries, RESP3 a mapping to lists of entries; either may be empty."""
    pairs = [(name, batches[0]) for name, batches in answer.items()] if isinstance(answer, dict) else answer or []
    return [(name.decode(), [_stream_entry(*entry) for entry in entries]) for name, entries in pairs]


def _stream_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> StreamEntry:
    return StreamEntry(parse_entry_id(entry_id.decode()), fields[b"event_id"].decode(), fields[b"__data__"])
