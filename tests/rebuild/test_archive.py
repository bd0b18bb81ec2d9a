"""A log whose beginning went to the archive: what is rebuilt begins there, and nothing is ever built without it."""

from random import Random

import asyncpg
import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import NeverBuiltError, open_serving, read_standings
from infrastructure.read_versions import ReadVersion
from infrastructure.version_switching import begin_version, read_pointers
from infrastructure.version_tables import make_tables
from projectors.building import BuildFailedError
from projectors.main import check_followers
from projectors.projections import PROJECTIONS, Projection, table_names
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.task_timeline import TASK_TIMELINE
from projectors.projections.tasks import TASKS
from projectors.rebuilding import HistoryMissingError
from projectors.refolding import refold
from tests.fold import has_applied_everything
from tests.polling import poll_until
from tests.projectors.conftest import ProjectorStarter
from tests.projectors.poison import long_story, with_gap
from tests.projectors.stories import carry, interleave, task_story, write, write_tasks
from tests.rebuild.rebuilds import project_everything, run_rebuild
from tests.unguarded import unguard

_LAST = 6
"""The last position of each shard that is in the archive."""
_ARCHIVE = f"""
CREATE TABLE log_archive.events_000000 PARTITION OF log_archive.events FOR VALUES FROM (0) TO (1000000);
CREATE TEMPORARY TABLE gone ON COMMIT DROP AS SELECT * FROM log.events WHERE position <= {_LAST};
DELETE FROM log.events WHERE position <= {_LAST};
INSERT INTO log_archive.events SELECT * FROM gone;
UPDATE log.floors f SET epoch = g.epoch, position = g.position, event_id = g.event_id
FROM gone g WHERE g.shard = f.shard AND g.position = (SELECT max(o.position) FROM gone o WHERE o.shard = g.shard);
"""  # noqa: S608 - a constant


async def _archive(pool: Pool) -> None:
    """Take the beginning of the log to the archive, as retention would."""
    await unguard(pool)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_ARCHIVE)
    assert await pool.fetchval("SELECT count(*) FROM log_archive.events") > 0
    assert await pool.fetchval("SELECT count(*) FROM log.events") > 0


async def _rows(pool: Pool, projection: Projection, schema: str) -> list[list[asyncpg.Record]]:
    return [
        await pool.fetch(f"SELECT * FROM {schema}.{name} ORDER BY 1, 2")  # noqa: S608 - our own tables
        for name in table_names(projection)
    ]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
async def test_a_read_model_is_rebuilt_from_the_archive_and_the_log(
    pool: Pool, randomness: Random, projection: Projection
) -> None:
    await write_tasks(pool, randomness, 60)
    await project_everything(pool, (projection,))
    before = await _rows(pool, projection, "read")
    await _archive(pool)

    rebuilt, _ = await run_rebuild(pool, projection)

    assert await _rows(pool, projection, f"read_{projection.name}_v2") == before
    assert rebuilt.events == await pool.fetchval("SELECT count(*) FROM log.history")


async def test_an_event_of_the_archive_that_cannot_be_applied_parks_in_the_new_version(
    pool: Pool, randomness: Random
) -> None:
    bad = with_gap(long_story(randomness, 5), 1)
    await write(pool, [*bad, *interleave(randomness, [task_story(randomness) for _ in range(60)])])
    await _archive(pool)

    rebuilt, _ = await run_rebuild(pool, TASKS)

    assert rebuilt.parked == 1
    assert await pool.fetchval("SELECT count(*) FROM read.parked_events WHERE root_id = $1", bad[0].root) > 0


async def test_a_rebuild_that_stopped_inside_of_the_archive_goes_on_there(pool: Pool, randomness: Random) -> None:
    await write_tasks(pool, randomness, 60)
    await project_everything(pool, (TASKS,))
    before = await _rows(pool, TASKS, "read")
    await _archive(pool)
    await pool.execute("CREATE TABLE aside AS SELECT * FROM log_archive.events WHERE shard = 3 AND position = 4")
    await pool.execute("DELETE FROM log_archive.events WHERE shard = 3 AND position = 4")
    with pytest.raises((BuildFailedError, ExceptionGroup)) as failed:
        await run_rebuild(pool, TASKS)
    assert "neither the log nor its archive holds event 4 of shard 3: `bureau archive list`" in repr(failed.value)
    assert (await read_standings(pool, ReadVersion("tasks", 2)))[3].checkpoint.position == 3

    await pool.execute("INSERT INTO log_archive.events SELECT * FROM aside")
    rebuilt, _ = await run_rebuild(pool, TASKS)

    assert rebuilt.is_resumed
    assert await _rows(pool, TASKS, "read_tasks_v2") == before


@pytest.mark.parametrize("lost", ["DELETE FROM {0} WHERE position = 1", "DELETE FROM {0} WHERE position = 6"])
async def test_a_rebuild_is_refused_where_the_archive_is_not_whole_and_changes_nothing(
    pool: Pool, randomness: Random, lost: str
) -> None:
    await write_tasks(pool, randomness, 60)
    await _archive(pool)
    await pool.execute(lost.format("log_archive.events"))

    with pytest.raises(HistoryMissingError, match=r"event [16] of shard 0, .*`bureau archive list`"):
        await run_rebuild(pool, TASKS)

    assert await read_pointers(pool) == {}


async def test_what_is_past_the_archive_does_without_it(pool: Pool, randomness: Random) -> None:
    await write_tasks(pool, randomness, 60)
    version, _ = await begin_version(pool, "tasks")
    await make_tables(pool, version, table_names(TASKS))
    await pool.execute(
        "INSERT INTO read.checkpoints (projection, version, shard, epoch, position)"
        " SELECT 'tasks', 2, f.shard, h.epoch, h.position FROM log.floors f, LATERAL log.head_of(f.shard) h"
    )
    await _archive(pool)
    await pool.execute("DROP TABLE log_archive.events_000000")

    rebuilt, _ = await run_rebuild(pool, TASKS)

    assert rebuilt.is_resumed


async def test_an_aggregate_that_began_in_the_archive_is_made_again(pool: Pool, randomness: Random) -> None:
    await write_tasks(pool, randomness, 60)
    await project_everything(pool, (TASK_DETAIL,))
    before = await _rows(pool, TASK_DETAIL, "read")
    await _archive(pool)
    root = await pool.fetchval("SELECT root_id FROM log_archive.events WHERE event_type = 'task.submitted' LIMIT 1")
    await pool.execute("DELETE FROM read.task_messages WHERE task_id = $1", root)

    await refold(pool, TASK_DETAIL, root)

    assert await _rows(pool, TASK_DETAIL, "read") == before


async def test_a_projection_that_is_new_waits_for_a_rebuild_where_the_log_was_cut(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    others = tuple(each for each in PROJECTIONS if each is not TASK_TIMELINE)
    await write_tasks(pool, randomness, 60)
    await project_everything(pool, others)
    await _archive(pool)
    with pytest.raises(NeverBuiltError):
        await open_serving(pool, TASK_TIMELINE.name)

    async with projectors() as session:
        [follower] = [each for each in session.followers if each.projection is TASK_TIMELINE]
        await write_tasks(pool, randomness, 5)
        await poll_until(lambda: has_applied_everything(pool, others), what="the others go on")
        with pytest.raises(RuntimeError, match="not begun: task_timeline"):
            await check_followers(session.followers)
        assert await pool.fetchval("SELECT count(*) FROM read.task_timeline") == 0
        await run_rebuild(pool, TASK_TIMELINE)
        await write_tasks(pool, randomness, 5)
        await carry(pool, redis)
        await poll_until(lambda: has_applied_everything(pool), what="the new one follows")
        assert follower.has_begun.is_set()

    rows = await pool.fetchval("SELECT count(*) FROM read_task_timeline_v2.task_timeline")
    assert rows == await pool.fetchval("SELECT count(*) FROM log.history WHERE aggregate_kind = 'task'")
