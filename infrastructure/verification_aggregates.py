"""What `bureau verify` reads aggregate by aggregate: events, the write side and the read models in one snapshot.

A chunk is a range of aggregate ids: with so many events, bytes and aggregates at most, or a single aggregate. All of it
is read in one REPEATABLE READ transaction of a few milliseconds, so that a row and the checkpoint that explains it
belong together while everybody else goes on writing.
"""

import contextlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from contracts.streams import EntryId
from infrastructure.left_out import LEFT_OUT
from infrastructure.postgres import Pool
from infrastructure.read_versions import FIRST_VERSION, ReadVersion
from infrastructure.tables import METADATA
from infrastructure.verification_events import AggregateEvent, IdRange, Most, read_histories

__all__ = ["AggregateChunk", "ReadTable", "read_chunk"]

type _Connection = PoolConnectionProxy[asyncpg.Record]
type _Row = tuple[object, ...]


class _SwitchedError(Exception):
    """Another version serves than was believed."""


class ReadTable(NamedTuple):
    """A table of a read model, in the schema of the version that serves, and its projection."""

    schema: str
    name: str
    projection: str


class AggregateChunk(NamedTuple):
    """The aggregates from one id to another, both included, whole.

    `floors` say by shard after which position the log begins: events that went to the archive are missing here.
    `events` are sorted by aggregate, generation, shard and position; `generations` are the write side's; `rows` are by
    table and primary key, all columns in the table's order; `checkpoints` are by (projection, shard); `parked` are the
    (projection, shard, position) of the events that wait as dead letters, `left_out` of those that were skipped.

    Where the log was cut, any number of aggregates may have no event left in it: `generations` are of those alone that
    have one, `rows` of those that still have their first.
    """

    last: UUID
    floors: Mapping[int, int]
    events: Sequence[AggregateEvent]
    generations: Mapping[UUID, int]
    rows: Mapping[ReadTable, Mapping[_Row, _Row]]
    checkpoints: Mapping[tuple[str, int], EntryId]
    parked: frozenset[tuple[str, int, int]]
    left_out: frozenset[tuple[str, int, int]]


class _Which(NamedTuple):
    """Aggregates to read something of: a condition on the column {0}, and its arguments."""

    condition: str
    arguments: Sequence[object]


# A plan may be made while a partition looks empty: whatever the statistics say, a range is read through the indexes.
_BY_INDEX: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
# Before the snapshot: a partition that is on its way to the archive waits for us, or else the floor says that it went.
_KEEP_PARTITIONS: Final = "LOCK TABLE ONLY log.events IN ACCESS SHARE MODE"
_FLOORS: Final = "SELECT shard, position FROM log.floors"
_GENERATIONS: Final = "SELECT id, generation FROM write.aggregates WHERE "
_CHECKPOINTS: Final = """
SELECT c.projection, c.shard, c.epoch, c.position FROM read.checkpoints c
LEFT JOIN read.projections p USING (projection) WHERE c.version = coalesce(p.version, 1)
"""
_PARKED: Final = """
SELECT e.projection, e.shard, e.position FROM read.parked_events e LEFT JOIN read.projections p USING (projection)
WHERE e.version = coalesce(p.version, 1) AND e.aggregate_id >= $1 AND e.aggregate_id <= $2
"""
_LEFT_OUT: Final = f"SELECT q.projection, q.shard, q.position FROM {LEFT_OUT}"  # noqa: S608 - a constant
_SERVING: Final = "SELECT projection, version FROM read.projections"
_ATTEMPTS: Final = 5


async def read_chunk(pool: Pool, ids: IdRange, tables: Mapping[str, Sequence[str]], most: Most) -> AggregateChunk:
    """Return the first whole aggregates of a range, as many as fit and one at least, with all that belongs to them.

    `tables` are names by projection: they are read in the version that serves. Envelopes are read where there are
    tables to compare with them. The chunk's `last` is that of the range where nothing is left of it.
    """
    for _ in range(_ATTEMPTS):
        serving = {row[0]: row[1] for row in await pool.fetch(_SERVING)}
        versions = [ReadVersion(projection, serving.get(projection, FIRST_VERSION)) for projection in tables]
        wanted = [
            ReadTable(each.schema, name, each.projection) for each in versions for name in tables[each.projection]
        ]
        with contextlib.suppress(_SwitchedError, asyncpg.UndefinedTableError):
            async with (
                pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await _hold(connection, wanted, serving)
                return await _read_chunk(connection, ids, wanted, most)
    message = f"the serving versions changed {_ATTEMPTS} times while they were read"
    raise RuntimeError(message)


async def _hold(connection: _Connection, tables: Sequence[ReadTable], serving: Mapping[str, int]) -> None:
    """Hold the tables before the snapshot is taken: what is emptied or dropped later is seen whole or not at all.

    Raises _SwitchedError where these versions do not serve.
    """
    await connection.execute(_BY_INDEX)
    await connection.execute(_KEEP_PARTITIONS)
    for table in tables:
        await connection.execute(f"LOCK TABLE {table.schema}.{table.name} IN ACCESS SHARE MODE")
    if {row[0]: row[1] for row in await connection.fetch(_SERVING)} != serving:
        raise _SwitchedError


async def _read_chunk(connection: _Connection, ids: IdRange, tables: Sequence[ReadTable], most: Most) -> AggregateChunk:
    floors = {row[0]: row[1] for row in await connection.fetch(_FLOORS)}
    is_cut, is_deep = any(floors.values()), bool(tables)
    events, ids = await read_histories(connection, ids, most, with_envelopes=is_deep, is_cut=is_cut)
    counted = _among({event.aggregate_id for event in events}) if is_cut else _within(ids)
    folded = _among({event.aggregate_id for event in events if event.generation == 1}) if is_cut else _within(ids)
    generations = await connection.fetch(_GENERATIONS + counted.condition.format("id"), *counted.arguments)
    rows = {table: await _read_rows(connection, table, folded) for table in tables}
    checkpoints = await connection.fetch(_CHECKPOINTS) if is_deep else []
    parked = await connection.fetch(_PARKED, *ids) if is_deep else []
    left_out = await connection.fetch(_LEFT_OUT) if is_deep else []
    return AggregateChunk(
        last=ids.last,
        floors=floors,
        events=events,
        generations={row[0]: row[1] for row in generations},
        rows=rows,
        checkpoints={(name, shard): EntryId(epoch, position) for name, shard, epoch, position in checkpoints},
        parked=frozenset(map(tuple, parked)),
        left_out=frozenset(map(tuple, left_out)),
    )


def _within(ids: IdRange) -> _Which:
    return _Which("{0} >= $1 AND {0} <= $2", ids)


def _among(ids: set[UUID]) -> _Which:
    return _Which("{0} = ANY ($1)", (list(ids),))


@cache
def _rows_statement(schema: str, name: str, condition: str) -> str:
    table = METADATA.tables[f"read.{name}"]
    key = next(iter(table.primary_key.columns)).name
    columns = ", ".join(column.name for column in table.columns)
    return f"SELECT {columns} FROM {schema}.{name} WHERE {condition.format(key)}"  # noqa: S608 - names of our own tables


async def _read_rows(connection: _Connection, table: ReadTable, which: _Which) -> dict[_Row, _Row]:
    """Return the rows of some aggregates by key; the key's columns are a table's first."""
    key = len(METADATA.tables[f"read.{table.name}"].primary_key.columns)
    statement = _rows_statement(table.schema, table.name, which.condition)
    return {tuple(row)[:key]: tuple(row) for row in await connection.fetch(statement, *which.arguments)}
