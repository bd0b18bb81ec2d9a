"""How fast a read model is rebuilt from the log, beside a bare set-based upsert of the same rows in the same run.

The floor saves the rows that a rebuild saves, ready in memory, in the same batches with the same statement, one after
the other. The measurement is the whole command's work: new tables, reading, folding, rendering and saving in as many
processes as there are processors (of which all but this one have to start first: two seconds, as it is meant for long
logs), indexes, catching up and the switch; then filling alone, by one process.
Run alone: `python -m benchmarks rebuild`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter, process_time
from typing import Final

from benchmarks.processes import Addresses
from benchmarks.report import Result
from benchmarks.task_events import fill_log
from bureau.local.build_processes import run_build_processes
from contracts.streams import EntryId
from infrastructure.postgres import Pool, open_pool
from infrastructure.read_checkpoints import open_checkpoints
from infrastructure.read_store import Move, TableRows, save_batch
from infrastructure.read_versions import ReadVersion
from infrastructure.version_switching import begin_version, drop_building
from infrastructure.version_tables import make_tables
from projectors.building import Build, build_shards, open_build
from projectors.collecting import collect_less
from projectors.projections import table_names
from projectors.projections.tasks import TASKS
from projectors.rebuilding import RebuildDependencies, rebuild

__all__ = ["run"]

_SHARDS: Final = 16
type Save = tuple[Sequence[Move], Sequence[TableRows]]


async def run(servers: Addresses, *, tasks: int = 40_000) -> list[Result]:
    """Measure with five events a task; the servers must be empty."""
    collect_less()
    database_url, _ = servers
    pool = await open_pool(database_url, size=6, application_name="bench", is_durable=False)
    try:
        await fill_log(pool, tasks, shards=_SHARDS)
        events = await pool.fetchval("SELECT count(*) FROM log.events")
        saves = await _record_saves(pool)
        floor = events / await _measure_floor(pool, saves)
        seconds, busy = await _measure_filling(pool)
        alone = events / seconds
        whole = events / await _measure_rebuild(pool, database_url)
    finally:
        await pool.close()
    note = f"{events:,} events, {os.cpu_count()} processes"
    return [
        Result("rebuild of the task list", whole, "events/s", floor, whole / floor, note),
        Result(
            "filling it, one process",
            alone,
            "events/s",
            floor,
            alone / floor,
            f"{len(saves)} batches, {busy / events * 1e6:.1f} us of Python an event",
        ),
    ]


async def _open(pool: Pool) -> Build:
    """Return a version with empty tables, in the place of one that was begun before."""
    await drop_building(pool, TASKS.name, table_names(TASKS))
    version, _ = await begin_version(pool, TASKS.name)
    await make_tables(pool, version, table_names(TASKS))
    await open_checkpoints(pool, version)
    return open_build(pool, TASKS, version)


async def _record_saves(pool: Pool) -> list[Save]:
    """Fill a version and return what was saved, batch by batch."""
    saves: list[Save] = []

    async def save(version: ReadVersion, moves: Sequence[Move], tables: Sequence[TableRows]) -> set[int]:
        saves.append((moves, tables))
        return await save_batch(pool, version, moves, tables)

    build = await _open(pool)
    dependencies = replace(build.dependencies, apply=replace(build.dependencies.apply, save_batch=save))
    await build_shards(replace(build, dependencies=dependencies), range(_SHARDS))
    return saves


async def _measure_floor(pool: Pool, saves: Sequence[Save]) -> float:
    """Return the seconds that saving takes when all rows are ready."""
    build = await _open(pool)
    started = perf_counter()
    for moves, tables in saves:
        assert await save_batch(pool, build.version, moves, tables)
    return perf_counter() - started


async def _measure_filling(pool: Pool) -> tuple[float, float]:
    """Return the seconds that filling a version takes in this process, by the clock and of its processor."""
    build = await _open(pool)
    started, busy = perf_counter(), process_time()
    await build_shards(build, range(_SHARDS))
    return perf_counter() - started, process_time() - busy


async def _measure_rebuild(pool: Pool, database_url: str) -> float:
    """Return the seconds that a rebuild takes from beginning to end."""
    await drop_building(pool, TASKS.name, table_names(TASKS))

    async def put_nothing(_version: ReadVersion, _applied: Mapping[int, EntryId]) -> None: ...

    dependencies = RebuildDependencies(
        pool,
        tell=lambda _: None,
        put_applied=put_nothing,
        run_processes=partial(run_build_processes, database_url),
        processes=os.cpu_count() or 1,
    )
    started = perf_counter()
    await rebuild(TASKS, dependencies, drops_old=False)
    return perf_counter() - started
