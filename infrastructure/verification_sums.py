"""What `bureau verify` reads of tables of sums: a shard's own rows with the checkpoint that explains them."""

import contextlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple

import asyncpg

from infrastructure.bounded_rows import bound_by_bytes, is_full
from infrastructure.postgres import Pool
from infrastructure.read_versions import ReadVersion
from infrastructure.tables import METADATA
from infrastructure.verification import LogSpan
from infrastructure.verification_events import AggregateEvent

__all__ = ["Explained", "TakeRows", "read_events_of_types", "read_sums"]

type _Row = tuple[object, ...]
type TakeRows = Callable[[Sequence[tuple[_Row, _Row]]], None]
"""Given some rows by primary key, all columns in the table's order."""


class Explained(NamedTuple):
    """Up to which position of a shard its rows of sums hold the events.

    `left_out` are the positions of events that were not applied though they are before it: parked, or skipped.
    """

    shard: int
    position: int
    left_out: frozenset[int]


# Bounded above and below, so that only the partitions in question are touched.
_EVENTS: Final = bound_by_bytes(
    "aggregate_id, generation, shard, position, event_type, root_id, envelope",
    "SELECT *, length(envelope) AS size FROM log.events"
    " WHERE shard = $2 AND position > $3 AND position <= $4 AND event_type = ANY ($5)",
    "position",
)
_SERVING: Final = "SELECT coalesce((SELECT version FROM read.projections WHERE projection = $1), 1)"
_POSITION: Final = "SELECT position FROM read.checkpoints WHERE projection = $1 AND version = $2 AND shard = $3"

_LEFT_OUT: Final = """
SELECT position FROM read.parked_events WHERE projection = $1 AND version = $2 AND shard = $3
UNION
SELECT position FROM read.parked_requests WHERE projection = $1 AND version = $2 AND shard = $3 AND left_out
"""
_ATTEMPTS: Final = 5
_ROWS: Final = 2_000


@cache
def _rows_statement(schema: str, name: str) -> str:
    columns = ", ".join(column.name for column in METADATA.tables[f"read.{name}"].columns)
    return f"SELECT {columns} FROM {schema}.{name} WHERE shard = $1"  # noqa: S608 - names of our own tables


async def read_sums(pool: Pool, projection: str, table: str, shard: int, take: TakeRows) -> Explained:
    """Have a shard's part of a table of the version that serves taken, page by page, and return what explains it.

    Rows and checkpoint are of one snapshot; it lasts as long as the rows take, and 30 s at the most. Position 0 where
    there is no checkpoint. Raises RuntimeError where versions change faster than can be read.
    """
    for _ in range(_ATTEMPTS):
        version = ReadVersion(projection, await pool.fetchval(_SERVING, projection))
        with contextlib.suppress(asyncpg.UndefinedTableError):
            explained = await _read_version(pool, version, table, shard, take)
            if explained is not None:
                return explained
    message = f"the serving version of {projection} changed {_ATTEMPTS} times while it was read"
    raise RuntimeError(message)


async def _read_version(pool: Pool, version: ReadVersion, table: str, shard: int, take: TakeRows) -> Explained | None:
    """Read the part where this version serves, else return None before anything is taken.

    The table is held before the snapshot is taken: what is emptied or dropped later is seen whole or not at all.
    """
    key = len(METADATA.tables[f"read.{table}"].primary_key.columns)
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(f"LOCK TABLE {version.schema}.{table} IN ACCESS SHARE MODE")
        if await connection.fetchval(_SERVING, version.projection) != version.version:
            return None
        position = await connection.fetchval(_POSITION, *version, shard)
        left_out = frozenset(row[0] for row in await connection.fetch(_LEFT_OUT, *version, shard))
        rows = await connection.cursor(_rows_statement(version.schema, table), shard)
        while page := await rows.fetch(_ROWS):
            take([(tuple(row)[:key], tuple(row)) for row in page])
    return Explained(shard, position or 0, left_out)


async def read_events_of_types(
    pool: Pool, span: LogSpan, types: Sequence[str], max_bytes: int
) -> tuple[int, list[AggregateEvent]]:
    """Return the events of some types in a span, in order, and up to which position these are all.

    That is the span's last, or an earlier one behind `max_bytes` of envelopes.
    """
    rows = await pool.fetch(_EVENTS, max_bytes, *span, types)
    events = [AggregateEvent(*row) for row in rows]
    if is_full((len(event.envelope) for event in events), max_bytes):
        return events[-1].position, events
    return span.last, events
