"""An oracle that knows of dead letters: read models are the fold of the log without the events that are parked."""

from collections import defaultdict
from operator import add
from typing import Any
from uuid import UUID

import asyncpg

from infrastructure.tables import METADATA
from projectors.projections import PROJECTIONS, Projection, Recorded, read_recorded
from tests.fold import has_applied_everything

__all__ = ["find_unfolded_but_parked", "read_parked_positions"]

type Rows = dict[tuple[object, ...], tuple[object, ...]]


async def find_unfolded_but_parked(
    pool: "asyncpg.Pool[asyncpg.Record]", projections: tuple[Projection, ...] = PROJECTIONS, *, most: int = 20
) -> list[str]:
    """Return in words the first rows that differ from the fold of the log; empty when all is well."""
    log = await pool.fetch("SELECT shard, position, envelope FROM log.events ORDER BY shard, position")
    differences: list[str] = []
    for projection in projections:
        parked = await read_parked_positions(pool, projection)
        rows = [row for row in log if (row["shard"], row["position"]) not in parked]
        events = [(row["shard"], read_recorded(row["envelope"])) for row in rows]
        for table, expected in _fold(projection, events).items():
            differences += _compare(table, expected, await _read(pool, table))
    if not await has_applied_everything(pool, projections):
        differences.append("a checkpoint is not at the head of its shard")
    return differences[:most]


async def read_parked_positions(pool: "asyncpg.Pool[asyncpg.Record]", projection: Projection) -> set[tuple[int, int]]:
    """Return shard and position of every event that waits for a parked root."""
    sql = "SELECT shard, position FROM read.parked_events WHERE projection = $1 AND version = 1"
    return {(row["shard"], row["position"]) for row in await pool.fetch(sql, projection.name)}


def _fold(projection: Projection, events: list[tuple[int, Recorded[Any]]]) -> dict[str, Rows]:
    tables: dict[str, Rows] = {view_table.table: {} for view_table in projection.views}
    tables |= {row_table.table: {} for row_table in projection.rows}
    tables |= {sum_table.table: {} for sum_table in projection.sums}
    views: dict[str, dict[UUID, Any]] = defaultdict(dict)
    for shard, recorded in events:
        if recorded.type not in projection.event_types:
            continue
        key = recorded.aggregate_id
        for view_table in projection.views:
            view = view_table.project(views[view_table.table].get(key), recorded)
            views[view_table.table][key] = view
            row = (key, recorded.workspace_id, *view_table.columns(view), view_table.render(view))
            tables[view_table.table][key,] = row
        for row_table in projection.rows:
            if (inserted := row_table.row(recorded)) is not None:
                tables[row_table.table][inserted[0], inserted[1]] = inserted
        for sum_table in projection.sums:
            for sum_key, amounts in sum_table.add(recorded):
                before = tables[sum_table.table].get((*sum_key, shard), (*sum_key, shard, *(0 for _ in amounts)))[
                    -len(amounts) :
                ]
                tables[sum_table.table][*sum_key, shard] = (*sum_key, shard, *map(add, before, amounts))
    return tables


async def _read(pool: "asyncpg.Pool[asyncpg.Record]", name: str) -> Rows:
    table = METADATA.tables[f"read.{name}"]
    columns = ", ".join(column.name for column in table.columns)
    key = len(table.primary_key.columns)
    return {tuple(row)[:key]: tuple(row) for row in await pool.fetch(f"SELECT {columns} FROM read.{name}")}  # noqa: S608 - our own table


def _compare(table: str, expected: Rows, found: Rows) -> list[str]:
    missing = [f"{table}: no row {key}" for key in expected.keys() - found.keys()]
    surplus = [f"{table}: row {key} should not be" for key in found.keys() - expected.keys()]
    different = [
        f"{table}: row {key} is {found[key]}, not {expected[key]}"
        for key in expected.keys() & found.keys()
        if expected[key] != found[key]
    ]
    return missing[:5] + surplus[:5] + different[:5]
