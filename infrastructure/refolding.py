"""Making the rows of one aggregate again, beside the projector that owns their shard.

One transaction holds the checkpoint of the shard: nobody moves it meanwhile, and the events up to it are exactly those
that the rows have to come from. It gives the checkpoint another revision, so that a projector that still remembers the
old rows is refused by the fence when it wants to save what it made from them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from infrastructure.event_log import LogRow
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from infrastructure.read_versions import READ_SCHEMA, ReadVersion
from infrastructure.tables import METADATA

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

__all__ = ["AggregateRows", "HistoryCutError", "Replaced", "RootParkedError", "replace_aggregate"]

type AggregateRows = Mapping[str, Sequence[tuple[object, ...]]]
"""Rows by table, each the shard and then the values of all columns in the table's order."""


class RootParkedError(Exception):
    """The aggregate's root is parked: what its rows should be is not known before it is released."""


class HistoryCutError(Exception):
    """Neither the log nor its archive holds all events of the aggregate."""


class Replaced(NamedTuple):
    """What was done: in which version and shard, the checkpoint's new revision, the events that rows were made from.

    `rows_before` and `rows` are counts.
    """

    version: ReadVersion
    shard: int
    revision: UUID
    events: Sequence[LogRow]
    rows_before: int
    rows: int


_FIRST: Final = "SELECT shard, root_id, generation FROM log.history WHERE aggregate_id = $1 ORDER BY generation LIMIT 1"
_SERVING: Final = "SELECT version FROM read.projections WHERE projection = $1 FOR SHARE"
_HOLD: Final = """
SELECT position FROM read.checkpoints WHERE projection = $1 AND version = $2 AND shard = $3 FOR UPDATE
"""
_IS_PARKED: Final = """
SELECT true FROM read.parked_roots WHERE projection = $1 AND version = $2 AND shard = $3 AND root_id = $4
"""
# In one statement with how many there have to be: a partition may leave the log at any moment.
_EVENTS: Final = """
SELECT shard, position, epoch, event_id, root_id, event_type, envelope, aggregate_id, generation,
  (SELECT generation FROM write.aggregates WHERE id = $1) AS last FROM log.history
WHERE aggregate_id = $1 AND shard = $2 ORDER BY generation
"""
_REVISE: Final = """
UPDATE read.checkpoints SET parked_revision = $4 WHERE projection = $1 AND version = $2 AND shard = $3
"""
# What was skipped before is in the rows again.
_BRING_BACK: Final = """
UPDATE read.parked_requests SET left_out = false
WHERE projection = $1 AND version = $2 AND shard = $3 AND left_out AND event_id = ANY ($4)
"""


async def _replace_table(
    connection: "PoolConnectionProxy", schema: str, name: str, key: UUID, rows: Sequence[tuple[object, ...]]
) -> int:
    """Put rows in the place of those that an aggregate has in a table; return how many it had."""
    columns = [column.name for column in METADATA.tables[f"{READ_SCHEMA}.{name}"].columns]
    deleted = await connection.execute(f"DELETE FROM {schema}.{name} WHERE {columns[0]} = $1", key)  # noqa: S608 - our own tables
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    insert = f"INSERT INTO {schema}.{name} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own tables
    await connection.executemany(insert, [row[1:] for row in rows])
    return int(deleted.rpartition(" ")[2])


async def _read_whole(connection: "PoolConnectionProxy", aggregate_id: UUID, shard: int, position: int) -> list[LogRow]:
    """Return the events of an aggregate up to a position; raises HistoryCutError where any that it has is missing."""
    rows = await connection.fetch(_EVENTS, aggregate_id, shard)
    generations = [row["generation"] for row in rows]
    last = rows[0]["last"] or generations[-1] if rows else 1
    if generations != list(range(1, last + 1)):
        raise HistoryCutError(aggregate_id)
    return [LogRow(*row[:-1]) for row in rows if row["position"] <= position]


async def replace_aggregate(
    pool: Pool, projection: str, aggregate_id: UUID, fold: Callable[[Sequence[LogRow]], AggregateRows]
) -> Replaced | None:
    """Replace the rows of an aggregate in the serving version by those that its events come to.

    `fold` is given the events up to the checkpoint, in order, and returns the rows of every table. None where the log
    holds no event of the aggregate, or the projection has not begun. Raises RootParkedError, HistoryCutError, and what
    `fold` raises; nothing is changed then.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = on")
        first = await connection.fetchrow(_FIRST, aggregate_id)
        serving = await connection.fetchval(_SERVING, projection)
        if first is None or serving is None:
            return None
        version, shard = ReadVersion(projection, serving), first["shard"]
        position = await connection.fetchval(_HOLD, *version, shard)
        if await connection.fetchval(_IS_PARKED, *version, shard, first["root_id"]):
            raise RootParkedError(first["root_id"])
        events = await _read_whole(connection, aggregate_id, shard, position)
        tables, before = fold(events), 0
        for name, rows in tables.items():
            before += await _replace_table(connection, version.schema, name, aggregate_id, rows)
        revision = new_id()
        await connection.execute(_REVISE, *version, shard, revision)
        await connection.execute(_BRING_BACK, *version, shard, [event.event_id for event in events])
    return Replaced(version, shard, revision, events, before, sum(map(len, tables.values())))
