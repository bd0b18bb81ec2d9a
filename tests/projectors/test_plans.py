"""What projectors ask the database is found by an index, even by a plan that was made when everything was empty.

Such a plan is kept while the tables fill: a scan that costs nothing then would read a million events later.
"""

import pytest

from infrastructure.event_log import _READ, LogSource
from infrastructure.postgres import Pool
from infrastructure.read_store import SaveMode, _load_statement, _save_statement
from infrastructure.read_versions import READ_SCHEMA
from projectors.projections import PROJECTIONS, Projection

_SOURCES: tuple[LogSource, ...] = ("log.events", "log.history")


async def _plan(pool: Pool, statement: str) -> str:
    """Return the plan that a statement keeps for all arguments."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE planned AS {statement}")
        count = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'planned'"
        arguments = ", ".join(["NULL"] * await connection.fetchval(count))
        lines = await connection.fetch(f"EXPLAIN (COSTS OFF) EXECUTE planned({arguments})")
        await connection.execute("DEALLOCATE planned")
    plan = "\n".join(line[0] for line in lines)
    assert "Index Scan" in plan
    return plan


@pytest.mark.parametrize("source", _SOURCES)
async def test_the_log_is_read_by_position(pool: Pool, source: LogSource) -> None:
    assert "Seq Scan" not in await _plan(pool, _READ.format(source=source))


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
async def test_a_batch_is_saved_without_a_look_at_whole_tables(pool: Pool, projection: Projection) -> None:
    modes: list[tuple[str, SaveMode]] = [(table.table, "replace") for table in projection.views]
    modes += [(table.table, "insert") for table in projection.rows]
    modes += [(table.table, "add") for table in projection.sums]
    for source in _SOURCES:
        for is_parking in (False, True):
            statement = _save_statement(READ_SCHEMA, tuple(modes), source, is_parking=is_parking)
            assert "Seq Scan" not in await _plan(pool, statement)


async def test_rows_are_loaded_by_key(pool: Pool) -> None:
    tables = tuple(table.table for projection in PROJECTIONS for table in projection.views)
    assert "Seq Scan" not in await _plan(pool, _load_statement(READ_SCHEMA, tables))
