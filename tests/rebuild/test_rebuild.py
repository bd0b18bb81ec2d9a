"""A rebuild: a new version that is the fold of the log, an atomic switch, and what is refused."""

import asyncio
from random import Random

import pytest

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_checkpoints, open_serving, read_standings
from infrastructure.read_versions import ReadVersion
from infrastructure.version_switching import (
    NotBuildingError,
    OldVersionKeptError,
    Pointer,
    RebuildRunningError,
    begin_version,
    claim_shard,
    drop_building,
    drop_kept,
    hold_rebuild,
    read_pointers,
    switch_version,
)
from infrastructure.version_tables import make_tables, measure_tables
from projectors.building import BuildFailedError, build_shards, open_build
from projectors.projections import PROJECTIONS, Projection, table_names
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.tasks import TASKS
from projectors.rebuilding import Phase
from tests.fold import find_unfolded
from tests.projectors.stories import write_tasks
from tests.rebuild.rebuilds import project_everything, run_rebuild
from tests.servers import TEST_SHARDS
from tests.unguarded import unguard

_DEFINITIONS = """
SELECT format('%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND c.relname = ANY($2) AND a.attnum > 0
UNION ALL
SELECT replace(pg_get_indexdef(i.indexrelid), n.nspname || '.', '')
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.oid = $1::regnamespace AND c.relname = ANY($2)
ORDER BY 1
"""


async def _pointer(pool: Pool, projection: Projection) -> Pointer:
    return (await read_pointers(pool))[projection.name]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
async def test_a_rebuilt_read_model_is_the_fold_of_the_log_in_tables_like_the_first(
    pool: Pool, randomness: Random, projection: Projection
) -> None:
    await write_tasks(pool, randomness, 40)
    await project_everything(pool, (projection,))

    rebuilt, told = await run_rebuild(pool, projection)

    assert (rebuilt.version, rebuilt.is_resumed) == (2, False)
    assert await find_unfolded(pool, (projection,)) == []
    tables = list(table_names(projection))
    definitions = [await pool.fetch(_DEFINITIONS, schema, tables) for schema in ("read", f"read_{projection.name}_v2")]
    assert definitions[0] == definitions[1]
    phases = [step.phase for step in told]
    assert sorted(set(phases), key=phases.index) == [Phase.FILLING, Phase.INDEXING, Phase.SWITCHING]
    assert told[-1].applied == told[-1].total == rebuilt.events


async def test_the_old_version_is_kept_until_it_is_dropped_and_has_no_checkpoints_any_more(
    pool: Pool, randomness: Random
) -> None:
    await write_tasks(pool, randomness, 20)
    await project_everything(pool, (TASKS,))
    await run_rebuild(pool, TASKS)
    rows = await pool.fetchval("SELECT count(*) FROM read.task_list")

    assert (await _pointer(pool, TASKS))[1:] == (2, (await _pointer(pool, TASKS)).serving_since, None, None, 1)
    assert rows == 20
    assert await read_standings(pool, ReadVersion("tasks", 1)) == {}
    with pytest.raises(OldVersionKeptError):
        await run_rebuild(pool, TASKS)

    assert await drop_kept(pool, "tasks", table_names(TASKS)) == ("tasks", 1)
    assert await pool.fetchval("SELECT count(*) FROM read.task_list") == 0
    assert await drop_kept(pool, "tasks", table_names(TASKS)) is None

    rebuilt, _ = await run_rebuild(pool, TASKS, drops_old=True)
    assert rebuilt.version == 3
    assert await measure_tables(pool, ReadVersion("tasks", 2), table_names(TASKS)) == 0
    assert await pool.fetchval("SELECT to_regnamespace('read_tasks_v2')") is None
    assert await find_unfolded(pool, (TASKS,)) == []


async def test_a_rebuild_of_an_empty_log_switches_too(pool: Pool) -> None:
    rebuilt, _ = await run_rebuild(pool, TASKS)
    assert (rebuilt.version, rebuilt.events) == (2, 0)


async def test_a_second_rebuild_of_the_same_projection_is_refused_and_of_another_is_not(pool: Pool) -> None:
    async with hold_rebuild(pool, "tasks"):
        with pytest.raises(RebuildRunningError):
            await run_rebuild(pool, TASKS)
        await run_rebuild(pool, TASK_DETAIL)
    await run_rebuild(pool, TASKS)


async def test_a_version_that_was_begun_is_gone_on_with_where_it_stood(pool: Pool, randomness: Random) -> None:
    await write_tasks(pool, randomness, 10)
    await project_everything(pool, (TASKS,))
    version, _ = await begin_version(pool, "tasks")
    await make_tables(pool, version, table_names(TASKS))

    rebuilt, _ = await run_rebuild(pool, TASKS)

    assert (rebuilt.version, rebuilt.is_resumed) == (2, True)
    assert await find_unfolded(pool, (TASKS,)) == []


async def test_a_shard_that_another_process_fills_is_left_to_it(pool: Pool, randomness: Random) -> None:
    await write_tasks(pool, randomness, 40)
    version, _ = await begin_version(pool, "tasks")
    await make_tables(pool, version, table_names(TASKS))
    await open_checkpoints(pool, version)
    build = open_build(pool, TASKS, version)

    async with claim_shard(pool, version, 3) as is_mine:
        assert is_mine
        await build_shards(build, range(TEST_SHARDS))
    behind = {shard for shard, each in (await read_standings(pool, version)).items() if each.checkpoint != each.head}
    await build_shards(build, range(TEST_SHARDS))

    assert behind == {3}
    assert all(each.checkpoint == each.head for each in (await read_standings(pool, version)).values())


async def test_a_version_that_is_given_up_leaves_nothing_behind(pool: Pool, randomness: Random) -> None:
    await write_tasks(pool, randomness, 10)
    await project_everything(pool, (TASKS,))
    version, _ = await begin_version(pool, "tasks")
    await make_tables(pool, version, table_names(TASKS))

    assert await drop_building(pool, "tasks", table_names(TASKS)) == version

    assert (await _pointer(pool, TASKS)).building is None
    assert await pool.fetchval("SELECT to_regnamespace($1)", version.schema) is None
    assert await find_unfolded(pool, (TASKS,)) == []


async def test_a_version_that_is_behind_is_never_switched_to(pool: Pool, randomness: Random) -> None:
    await write_tasks(pool, randomness, 10)
    await project_everything(pool, (TASKS,))
    version, _ = await begin_version(pool, "tasks")
    await pool.execute(
        "INSERT INTO read.checkpoints (projection, version, shard, epoch, position)"
        " SELECT projection, 2, shard, epoch, greatest(position - 1, 0) FROM read.checkpoints"
        " WHERE projection = 'tasks'"
    )

    async def catch_up_with_nothing(_targets: dict[int, EntryId]) -> None: ...

    assert not await switch_version(pool, version, catch_up_with_nothing)  # type: ignore[arg-type]  # it looks at nothing
    assert (await _pointer(pool, TASKS)).version == 1
    assert len(await read_standings(pool, ReadVersion("tasks", 1))) > 0


async def test_a_version_that_somebody_switched_to_or_gave_up_is_not_switched_to_again(pool: Pool) -> None:
    version, _ = await begin_version(pool, "tasks")
    await drop_building(pool, "tasks", table_names(TASKS))

    async def catch_up_with_nothing(_targets: object) -> None: ...

    with pytest.raises(NotBuildingError):
        await switch_version(pool, version, catch_up_with_nothing)


async def test_projectors_that_begin_during_a_switch_wait_for_it_and_take_the_new_version(
    pool: Pool, randomness: Random
) -> None:
    await write_tasks(pool, randomness, 10)
    await project_everything(pool, (TASKS,))
    version, _ = await begin_version(pool, "tasks")
    is_switching, may_go_on = asyncio.Event(), asyncio.Event()

    async def catch_up_when_told(_targets: object) -> None:
        is_switching.set()
        await may_go_on.wait()
        await pool.execute(
            "INSERT INTO read.checkpoints (projection, version, shard, epoch, position)"
            " SELECT projection, 2, shard, epoch, position FROM read.checkpoints WHERE projection = 'tasks'"
        )

    switching = asyncio.create_task(switch_version(pool, version, catch_up_when_told))
    await is_switching.wait()
    beginning = asyncio.create_task(open_serving(pool, "tasks"))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not await pool.fetchval(waiting):
        await asyncio.sleep(0.01)
    may_go_on.set()

    assert await switching
    assert await beginning == version
    assert await read_standings(pool, ReadVersion("tasks", 1)) == {}


async def test_a_rebuild_ends_in_words_where_the_log_lacks_an_event_and_goes_on_when_it_is_there(
    pool: Pool, randomness: Random
) -> None:
    await write_tasks(pool, randomness, 40)
    await project_everything(pool, (TASKS,))
    await pool.execute("CREATE TABLE aside AS SELECT * FROM log.events WHERE shard = 3 AND position <= 4")
    await unguard(pool)
    await pool.execute("DELETE FROM log.events WHERE shard = 3 AND position <= 4")

    async with asyncio.timeout(30):
        with pytest.raises((BuildFailedError, ExceptionGroup)) as failed:
            await run_rebuild(pool, TASKS)
    assert "neither the log nor its archive holds event 1 of shard 3" in repr(failed.value)
    assert (await _pointer(pool, TASKS)).version == 1

    await pool.execute("INSERT INTO log.events SELECT * FROM aside")
    rebuilt, _ = await run_rebuild(pool, TASKS)

    assert rebuilt.is_resumed
    assert await find_unfolded(pool, (TASKS,)) == []
