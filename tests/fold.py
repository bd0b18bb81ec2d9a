"""The other half of the oracle: every read model is what its pure functions make of the log, row by row."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import asyncpg

from infrastructure.tables import METADATA
from projectors.projections import PROJECTIONS, Projection, Recorded, read_recorded

__all__ = ["find_unfolded", "has_applied_everything"]

type Rows = dict[tuple[object, ...], tuple[object, ...]]

_BEHIND = """
SELECT count(*) FROM log.floors f CROSS JOIN unnest($1::text[], $2::integer[]) AS p(name, version)
LEFT JOIN read.checkpoints c ON c.projection = p.name AND c.version = p.version AND c.shard = f.shard
WHERE (c.epoch, c.position) IS DISTINCT FROM (SELECT (h.epoch, h.position) FROM log.head_of(f.shard) h)
"""


async def has_applied_everything(
    pool: "asyncpg.Pool[asyncpg.Record]", projections: tuple[Projection, ...] = PROJECTIONS
) -> bool:
    """Tell whether every checkpoint stands at the head of its shard of the log."""
    names = [projection.name for projection in projections]
    behind = await pool.fetchval(_BEHIND, names, [projection.version for projection in projections])
    return bool(behind == 0)


async def find_unfolded(
    pool: "asyncpg.Pool[asyncpg.Record]", projections: tuple[Projection, ...] = PROJECTIONS, *, most: int = 20
) -> list[str]:
    """Return in words the first rows that differ from the fold of the log; empty when all is well."""
    log = await pool.fetch("SELECT envelope FROM log.events ORDER BY shard, position")
    events = [read_recorded(row["envelope"]) for row in log]
    differences: list[str] = []
    for projection in projections:
        for table, expected in _fold(projection, events).items():
            differences += _compare(table, expected, await _read(pool, table))
    if not await has_applied_everything(pool, projections):
        differences.append("a checkpoint is not at the head of its shard")
    return differences[:most]


def _fold(projection: Projection, events: list[Recorded[Any]]) -> dict[str, Rows]:
    tables: dict[str, Rows] = {view_table.table: {} for view_table in projection.views}
    tables |= {row_table.table: {} for row_table in projection.rows}
    views: dict[str, dict[UUID, Any]] = defaultdict(dict)
    for recorded in events:
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
