"""A projector's save with one protection taken away."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import projectors.main
from contracts.streams import EntryId
from infrastructure.postgres import Pool
from infrastructure.read_store import Move, TableRows, save_batch
from infrastructure.read_versions import ReadVersion
from tests.faults.substitution import PowerCutError, replacing

__all__ = ["checkpoint_apart", "no_event_fence", "no_fence", "shared_row"]

_SET_BACK = """
UPDATE read.checkpoints SET epoch = $4, position = $5 WHERE projection = $1 AND version = $2 AND shard = $3
"""


@asynccontextmanager
async def checkpoint_apart(_pool: Pool) -> AsyncIterator[None]:
    """Commit the rows first and the checkpoint afterwards; the power fails in between."""

    async def save(pool: Pool, version: ReadVersion, moves: Sequence[Move], tables: Sequence[TableRows]) -> set[int]:
        moved = await save_batch(pool, version, moves, tables)
        for move in moves:
            await pool.execute(_SET_BACK, *version, move.shard, *move.expected)
        if moved:
            raise PowerCutError
        return moved

    with replacing(projectors.main, save_batch=save):
        yield


@asynccontextmanager
async def no_fence(_pool: Pool) -> AsyncIterator[None]:
    """Move checkpoints from wherever they stand."""
    standing = "SELECT epoch, position FROM read.checkpoints WHERE projection = $1 AND version = $2 AND shard = $3"

    async def save(pool: Pool, version: ReadVersion, moves: Sequence[Move], tables: Sequence[TableRows]) -> set[int]:
        found = [await pool.fetchrow(standing, *version, move.shard) for move in moves]
        unfenced = [move._replace(expected=EntryId(*at)) for move, at in zip(moves, found, strict=True) if at]
        return await save_batch(pool, version, unfenced, tables)

    with replacing(projectors.main, save_batch=save):
        yield


@asynccontextmanager
async def no_event_fence(_pool: Pool) -> AsyncIterator[None]:
    """Move checkpoints to whatever the stream brought, as long as the log has something there."""
    logged = "SELECT event_id::text FROM log.events WHERE shard = $1 AND position = $2"

    async def save(pool: Pool, version: ReadVersion, moves: Sequence[Move], tables: Sequence[TableRows]) -> set[int]:
        known = [await pool.fetchval(logged, move.shard, move.reached.position) for move in moves]
        believing = [move._replace(event_id=known_id) for move, known_id in zip(moves, known, strict=True)]
        return await save_batch(pool, version, believing, tables)

    with replacing(projectors.main, save_batch=save):
        yield


@asynccontextmanager
async def shared_row(_pool: Pool) -> AsyncIterator[None]:
    """Keep one row of sums for all shards: load it, add, save it whole."""

    async def save(pool: Pool, version: ReadVersion, moves: Sequence[Move], tables: Sequence[TableRows]) -> set[int]:
        return await save_batch(pool, version, moves, [await _share(pool, table) for table in tables])

    with replacing(projectors.main, save_batch=save):
        yield


async def _share(pool: Pool, table: TableRows) -> TableRows:
    """Return rows of sums as whole rows that all shards have in common; `usage_sums` has the shard as sixth column."""
    if table.mode != "add":
        return table
    found = {tuple(row)[:5]: tuple(row)[6:] for row in await pool.fetch("SELECT * FROM read.usage_sums")}
    await pool.execute("SELECT pg_sleep(0.05)")  # between load and save somebody else does the same
    rows = {}
    for of_shard, *row in table.rows:
        key, amounts = tuple(row[:5]), row[6:]
        summed = [before + more for before, more in zip(found.get(key, (0,) * len(amounts)), amounts, strict=True)]
        rows[key] = (of_shard, *key, 0, *summed)
    return TableRows(table.table, "replace", list(rows.values()))
