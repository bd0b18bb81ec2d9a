"""What `bureau verify` reads aggregate by aggregate: events, the write side and the read models in one snapshot.

A chunk is a range of aggregate ids. All of it is read in one REPEATABLE READ transaction of a few milliseconds, so that
a row and the checkpoint that explains it belong together while everybody else goes on writing.
"""

import contextlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import asyncpg

from contracts.streams import EntryId
from infrastructure.left_out import LEFT_OUT
from infrastructure.postgres import Pool
from infrastructure.read_versions import FIRST_VERSION, ReadVersion
from infrastructure.tables import METADATA

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

__all__ = [
    "FIRST_ID",
    "LAST_ID",
    "AggregateChunk",
    "AggregateEvent",
    "ReadTable",
    "read_bounds",
    "read_chunk",
    "read_history",
]

FIRST_ID: Final = UUID(int=0)
LAST_ID: Final = UUID(int=2**128 - 1)


class _SwitchedError(Exception):
    """Another version serves than was believed."""


class ReadTable(NamedTuple):
    """A table of a read model, in the schema of the version that serves, and its projection."""

    schema: str
    name: str
    projection: str


class AggregateEvent(NamedTuple):
    """One event as the log holds it, seen from its aggregate; the envelope is empty where it was not asked for."""

    aggregate_id: UUID
    generation: int
    shard: int
    position: int
    event_type: str
    root_id: UUID
    envelope: bytes


class AggregateChunk(NamedTuple):
    """The aggregates from one id to another, both included, whole.

    `floors` say by shard after which position the log begins: events that went to the archive are missing here.
    `events` are sorted by aggregate, generation, shard and position; `generations` are the write side's; `rows` are by
    table and primary key, all columns in the table's order; `checkpoints` are by (projection, shard); `parked` are the
    (projection, shard, position) of the events that wait as dead letters, `left_out` of those that were skipped.
    """

    last: UUID
    floors: Mapping[int, int]
    events: Sequence[AggregateEvent]
    generations: Mapping[UUID, int]
    rows: Mapping[ReadTable, Mapping[tuple[object, ...], tuple[object, ...]]]
    checkpoints: Mapping[tuple[str, int], EntryId]
    parked: frozenset[tuple[str, int, int]]
    left_out: frozenset[tuple[str, int, int]]


# The unique index of each partition on (aggregate_id, generation) serves the order.
_EVENTS: Final = """
SELECT aggregate_id, generation, shard, position, event_type, root_id, CASE WHEN $4 THEN envelope ELSE ''::bytea END
FROM log.events WHERE aggregate_id >= $1 AND aggregate_id <= $2
ORDER BY aggregate_id, generation, shard, position LIMIT $3
"""
# A plan may be made while a partition looks empty: whatever the statistics say, a range is read through the indexes.
_BY_INDEX: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
# Before the snapshot: a partition that is on its way to the archive waits for us, or else the floor says that it went.
_KEEP_PARTITIONS: Final = "LOCK TABLE ONLY log.events IN ACCESS SHARE MODE"
_FLOORS: Final = "SELECT shard, position FROM log.floors"
_GENERATIONS: Final = "SELECT id, generation FROM write.aggregates WHERE id >= $1 AND id <= $2"
_CHECKPOINTS: Final = """
SELECT c.projection, c.shard, c.epoch, c.position FROM read.checkpoints c
LEFT JOIN read.projections p USING (projection) WHERE c.version = coalesce(p.version, 1)
"""
_PARKED: Final = """
SELECT e.projection, e.shard, e.position FROM read.parked_events e LEFT JOIN read.projections p USING (projection)
WHERE e.version = coalesce(p.version, 1) AND e.aggregate_id >= $1 AND e.aggregate_id <= $2
"""
_LEFT_OUT: Final = f"SELECT q.projection, q.shard, q.position FROM {LEFT_OUT}"  # noqa: S608 - a constant
_BOUNDS: Final = """
SELECT percentile_disc($1::double precision[]) WITHIN GROUP (ORDER BY id) FROM write.aggregates TABLESAMPLE SYSTEM (10)
"""
_SERVING: Final = "SELECT projection, version FROM read.projections"
_ATTEMPTS: Final = 5


@cache
def _rows_statement(schema: str, name: str) -> str:
    table = METADATA.tables[f"read.{name}"]
    key = next(iter(table.primary_key.columns)).name
    columns = ", ".join(column.name for column in table.columns)
    return f"SELECT {columns} FROM {schema}.{name} WHERE {key} >= $1 AND {key} <= $2"  # noqa: S608 - names of our own tables


async def _read_rows(
    connection: "PoolConnectionProxy", table: ReadTable, first: UUID, last: UUID
) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return the rows of a range by key; the key's columns are a table's first."""
    key = len(METADATA.tables[f"read.{table.name}"].primary_key.columns)
    found = await connection.fetch(_rows_statement(table.schema, table.name), first, last)
    return {tuple(row)[:key]: tuple(row) for row in found}


async def read_chunk(
    pool: Pool, first: UUID, last: UUID, tables: Mapping[str, Sequence[str]], *, limit: int
) -> AggregateChunk:
    """Return the first whole aggregates of a range, about `limit` events, with the write side and some tables.

    `tables` are names by projection: they are read in the version that serves. Envelopes are read where there are
    tables to compare with them. The chunk's `last` is `last` itself where nothing is left of the range.
    """
    for _ in range(_ATTEMPTS):
        serving = {row[0]: row[1] for row in await pool.fetch(_SERVING)}
        with contextlib.suppress(_SwitchedError, asyncpg.UndefinedTableError):
            return await _read_chunk(pool, (first, last), tables, serving, limit)
    message = f"the serving versions changed {_ATTEMPTS} times while they were read"
    raise RuntimeError(message)


async def _read_chunk(
    pool: Pool,
    ids: tuple[UUID, UUID],
    wanted: Mapping[str, Sequence[str]],
    serving: Mapping[str, int],
    limit: int,
) -> AggregateChunk:
    """Return the chunk where these versions serve; raises _SwitchedError.

    The tables are held before the snapshot is taken: what is emptied or dropped later is seen whole or not at all.
    """
    first, last = ids
    versions = {projection: ReadVersion(projection, serving.get(projection, FIRST_VERSION)) for projection in wanted}
    tables = [ReadTable(versions[each].schema, name, each) for each, names in wanted.items() for name in names]
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(_BY_INDEX)
        await connection.execute(_KEEP_PARTITIONS)
        for table in tables:
            await connection.execute(f"LOCK TABLE {table.schema}.{table.name} IN ACCESS SHARE MODE")
        if {row[0]: row[1] for row in await connection.fetch(_SERVING)} != serving:
            raise _SwitchedError
        floors = {row[0]: row[1] for row in await connection.fetch(_FLOORS)}
        events, reached = await _read_whole(connection, first, last, limit, with_envelopes=bool(tables))
        generations = {row[0]: row[1] for row in await connection.fetch(_GENERATIONS, first, reached)}
        rows = {table: await _read_rows(connection, table, first, reached) for table in tables}
        found = await connection.fetch(_CHECKPOINTS) if tables else []
        parked = await connection.fetch(_PARKED, first, reached) if tables else []
        left_out = await connection.fetch(_LEFT_OUT) if tables else []
    checkpoints = {(name, shard): EntryId(epoch, position) for name, shard, epoch, position in found}
    waiting, skipped = frozenset(map(tuple, parked)), frozenset(map(tuple, left_out))
    return AggregateChunk(reached, floors, events, generations, rows, checkpoints, waiting, skipped)


async def read_bounds(pool: Pool, ranges: int) -> list[UUID]:
    """Return ids that divide the write side's aggregates into so many ranges of about the same size; fewer of few."""
    shares = [number / ranges for number in range(1, ranges)]
    return sorted(set(await pool.fetchval(_BOUNDS, shares) or ()))


async def read_history(pool: Pool, aggregate: UUID) -> list[AggregateEvent]:
    """Return all events of one aggregate, by generation, with their envelopes."""
    return [AggregateEvent(*row) for row in await pool.fetch(_EVENTS, aggregate, aggregate, None, True)]  # noqa: FBT003 - $4


async def _read_whole(
    connection: "PoolConnectionProxy", first: UUID, last: UUID, limit: int, *, with_envelopes: bool
) -> tuple[list[AggregateEvent], UUID]:
    """Return events up to the last aggregate that is whole, and up to which id that is everything."""
    rows = await connection.fetch(_EVENTS, first, last, limit, with_envelopes)
    events = [AggregateEvent(*row) for row in rows]
    if len(events) < limit:
        return events, last
    cut = events[-1].aggregate_id
    whole = [event for event in events if event.aggregate_id != cut]
    if whole:
        return whole, UUID(int=cut.int - 1)
    rows = await connection.fetch(_EVENTS, cut, cut, None, with_envelopes)
    return [AggregateEvent(*row) for row in rows], cut
