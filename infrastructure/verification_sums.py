"""What `bureau verify` reads of tables of sums: a shard's own rows with the checkpoint that explains them."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

import asyncpg

from infrastructure.postgres import Pool
from infrastructure.read_versions import ReadVersion
from infrastructure.tables import METADATA
from infrastructure.verification_aggregates import AggregateEvent

__all__ = ["ShardSums", "read_events_of_types", "read_sums"]


class ShardSums(NamedTuple):
    """A shard's rows by primary key, all columns in the table's order, as of a position of the shard.

    `left_out` are the positions of events that were not applied though they are before it: parked, or skipped.
    """

    position: int
    left_out: frozenset[int]
    rows: Mapping[tuple[object, ...], tuple[object, ...]]


# Bounded above and below, so that only the partitions in question are touched.
_EVENTS: Final = """
SELECT aggregate_id, generation, shard, position, event_type, root_id, envelope FROM log.events
WHERE shard = $1 AND position > $2 AND position <= $3 AND event_type = ANY ($4) ORDER BY position
"""
_SERVING: Final = "SELECT coalesce((SELECT version FROM read.projections WHERE projection = $1), 1)"
_POSITION: Final = "SELECT position FROM read.checkpoints WHERE projection = $1 AND version = $2 AND shard = $3"

_LEFT_OUT: Final = """
SELECT position FROM read.parked_events WHERE projection = $1 AND version = $2 AND shard = $3
UNION
SELECT position FROM read.parked_requests WHERE projection = $1 AND version = $2 AND shard = $3 AND left_out
"""
_ATTEMPTS: Final = 5


@cache
def _rows_statement(schema: str, name: str) -> str:
    columns = ", ".join(column.name for column in METADATA.tables[f"read.{name}"].columns)
    return f"SELECT {columns} FROM {schema}.{name} WHERE shard = $1"  # noqa: S608 - names of our own tables


async def read_sums(pool: Pool, projection: str, table: str, shard: int) -> ShardSums:
    """Return a shard's part of a table of the version that serves, rows and checkpoint in one snapshot.

    Position 0 where there is no checkpoint. Raises RuntimeError where versions change faster than can be read.
    """
    for _ in range(_ATTEMPTS):
        version = ReadVersion(projection, await pool.fetchval(_SERVING, projection))
        with contextlib.suppress(asyncpg.UndefinedTableError):
            found = await _read_version(pool, version, table, shard)
            if found is not None:
                return found
    message = f"the serving version of {projection} changed {_ATTEMPTS} times while it was read"
    raise RuntimeError(message)


async def _read_version(pool: Pool, version: ReadVersion, table: str, shard: int) -> ShardSums | None:
    """Return the part where this version serves, else None.

    The table is held before the snapshot is taken: what is emptied or dropped later is seen whole or not at all.
    """
    key = len(METADATA.tables[f"read.{table}"].primary_key.columns)
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(f"LOCK TABLE {version.schema}.{table} IN ACCESS SHARE MODE")
        if await connection.fetchval(_SERVING, version.projection) != version.version:
            return None
        position = await connection.fetchval(_POSITION, *version, shard)
        left_out = frozenset(row[0] for row in await connection.fetch(_LEFT_OUT, *version, shard))
        rows = await connection.fetch(_rows_statement(version.schema, table), shard)
    return ShardSums(position or 0, left_out, {tuple(row)[:key]: tuple(row) for row in rows})


async def read_events_of_types(
    pool: Pool, shard: int, after: int, last: int, types: Sequence[str]
) -> list[AggregateEvent]:
    """Return the events of some types at the positions after `after` up to `last`, in order."""
    return [AggregateEvent(*row) for row in await pool.fetch(_EVENTS, shard, after, last, types)]
