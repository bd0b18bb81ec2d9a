"""Making one aggregate's rows again: beside projectors at work, never racing them, refused where it would be wrong."""

import asyncio
import json
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from contracts.streams import APPLIED_CHANNEL, EntryId, shard_of
from infrastructure.cache_notices import announce_applied
from infrastructure.postgres import Pool
from projectors.projections import PROJECTIONS, Projection
from projectors.projections.agents import AGENTS
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.task_timeline import TASK_TIMELINE
from projectors.projections.tasks import TASKS
from projectors.projections.usage import USAGE
from projectors.refolding import CannotRefoldError, refold
from projectors.services import apply_projection
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.projectors.applying import batch_of, checkpoint_of, dependencies_of
from tests.projectors.conftest import ProjectorStarter
from tests.projectors.stories import Written, task_story, write, write_tasks
from tests.rebuild.rebuilds import project_everything, run_rebuild
from tests.roots import new_id
from tests.runtime.command_line import bureau
from tests.servers import TEST_SHARDS
from tests.unguarded import unguard

_WRITE_SIDE = """
INSERT INTO write.aggregates (id, kind, workspace_id, revision, generation, state)
SELECT aggregate_id, aggregate_kind, workspace_id, 1, max(generation), '{}' FROM log.events GROUP BY 1, 2, 3
"""
_DAMAGE = {
    "agents": "UPDATE read.agent_list SET name = 'wrong'",
    "tasks": "UPDATE read.task_list SET state = 'wrong', body = body || ' '",
    "task_detail": "DELETE FROM read.task_messages",
    "task_timeline": "UPDATE read.task_timeline SET body = body || ' '",
    "approvals": "DELETE FROM read.approval_detail",
    "budgets": "UPDATE read.budgets SET status = 'wrong'",
}


async def _aggregates(pool: Pool, projection: Projection) -> list[UUID]:
    found = await pool.fetch(
        "SELECT DISTINCT aggregate_id FROM log.events WHERE event_type = ANY($1)", list(projection.event_types)
    )
    return [row[0] for row in found]


@pytest.mark.parametrize("projection", [each for each in PROJECTIONS if not each.sums], ids=lambda each: each.name)
async def test_rows_that_came_to_harm_are_made_again_from_the_log(
    pool: Pool, randomness: Random, projection: Projection
) -> None:
    await write_tasks(pool, randomness, 12)
    await project_everything(pool)
    await pool.execute(_DAMAGE[projection.name])
    assert await find_unfolded(pool) != []

    for aggregate_id in await _aggregates(pool, projection):
        await refold(pool, projection, aggregate_id)

    assert await find_unfolded(pool) == []


async def test_rows_of_a_later_version_are_made_again_there(pool: Pool, randomness: Random) -> None:
    await write_tasks(pool, randomness, 5)
    await run_rebuild(pool, TASK_DETAIL, drops_old=True)
    await pool.execute("DELETE FROM read_task_detail_v2.task_messages")

    refolded = [await refold(pool, TASK_DETAIL, each) for each in await _aggregates(pool, TASK_DETAIL)]

    assert await find_unfolded(pool, (TASK_DETAIL,)) == []
    assert {tag.rpartition("@")[2] for each in refolded for tag in each.stamps} == {"2"}


async def test_a_projector_that_remembers_the_old_row_saves_nothing_made_from_it(
    pool: Pool, randomness: Random
) -> None:
    story = task_story(randomness)[:2]
    await write(pool, story)
    shard = await pool.fetchval("SELECT shard FROM log.events LIMIT 1")
    remembering = dependencies_of(pool)
    first = await batch_of(pool, await checkpoint_of(pool, TASKS, shard), shard=shard, limit=1)
    checkpoint = (await apply_projection(TASKS, [first], remembering)).moved[shard]
    await pool.execute("UPDATE read.task_list SET body = '{}'")
    second = await batch_of(pool, checkpoint, shard=shard)

    await refold(pool, TASKS, story[0].root)
    applied = await apply_projection(TASKS, [second], remembering)

    assert (dict(applied.moved), set(applied.lost)) == ({}, {shard})
    await project_everything(pool, (TASKS,))
    assert await find_unfolded(pool, (TASKS,)) == []


async def test_rows_are_made_again_while_projectors_work_on_the_same_tasks(
    pool: Pool, projectors: ProjectorStarter, randomness: Random
) -> None:
    async with projectors():
        for _ in range(8):
            stories = [task_story(randomness) for _ in range(6)]
            for step in range(max(map(len, stories))):
                await write(pool, [story[step] for story in stories if step < len(story)])
                for story in stories:
                    await _try_refold(pool, story)
        await poll_until(lambda: has_applied_everything(pool), timeout=30)
    assert await find_unfolded(pool) == []
    assert await pool.fetchval("SELECT count(*) FROM read.parked_roots") == 0


async def _try_refold(pool: Pool, story: list[Written]) -> None:
    await asyncio.gather(*(refold(pool, projection, story[0].root) for projection in (TASKS, TASK_DETAIL)))


async def test_what_cannot_be_made_again_alone_is_refused(pool: Pool, randomness: Random) -> None:
    story = task_story(randomness)
    await write(pool, story)
    with pytest.raises(CannotRefoldError, match="has not begun"):
        await refold(pool, TASKS, story[0].root)
    await project_everything(pool)
    with pytest.raises(CannotRefoldError, match="no event of"):
        await refold(pool, TASKS, new_id(randomness))
    with pytest.raises(CannotRefoldError, match="rebuild all of it"):
        await refold(pool, USAGE, story[0].root)
    await pool.execute(
        "INSERT INTO read.parked_roots (projection, version, shard, root_id, workspace_id, failed_position, error)"
        " SELECT 'tasks', 1, shard, root_id, workspace_id, position, 'broken' FROM log.events LIMIT 1"
    )
    with pytest.raises(CannotRefoldError, match="is parked in tasks"):
        await refold(pool, TASKS, story[0].root)
    await unguard(pool)
    await pool.execute("UPDATE log.events SET generation = generation + 100")
    with pytest.raises(CannotRefoldError, match="neither the log nor its archive holds all events"):
        await refold(pool, AGENTS, story[0].root)


@pytest.mark.parametrize("lost", [0, 1, -1], ids=["first", "second", "last"])
async def test_rows_one_of_whose_events_is_missing_stay_as_they_were(pool: Pool, randomness: Random, lost: int) -> None:
    """It may be in a partition that is on its way to the archive, or in one that was dropped from there."""
    story = task_story(randomness)
    await write(pool, story)
    await project_everything(pool)
    await pool.execute(_WRITE_SIDE)
    before = await pool.fetch("SELECT * FROM read.task_timeline ORDER BY generation")
    assert len(before) == len(story)
    await unguard(pool)
    await pool.execute("DELETE FROM log.events WHERE event_id = $1", story[lost].event_id)

    with pytest.raises(CannotRefoldError, match="neither the log nor its archive holds all events"):
        await refold(pool, TASK_TIMELINE, story[0].root)

    assert await pool.fetch("SELECT * FROM read.task_timeline ORDER BY generation") == before


async def test_the_command_makes_one_aggregate_again(
    pool: Pool, redis: Redis, randomness: Random, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    story = task_story(randomness)
    await write(pool, story)
    await project_everything(pool)
    place = ("tasks", shard_of(story[0].root, TEST_SHARDS))
    await announce_applied(redis, {}, {place: EntryId(1, len(story))})
    await pool.execute("DELETE FROM read.task_list")

    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    arguments = ("rebuild", "tasks", "--aggregate", str(story[0].root), "--json", "--directory", str(tmp_path / "none"))
    async with redis.pubsub(ignore_subscribe_messages=True) as notices:
        await notices.subscribe(APPLIED_CHANNEL)
        done = await asyncio.to_thread(bureau, *arguments, environment=environment)
        heard = [message["data"] for _ in range(3) if (message := await notices.get_message(timeout=0))]

    assert done.returncode == 0, done.stderr
    assert heard == [f"tasks {place[1]} 1 {len(story)}".encode()]  # who keeps answers in memory is told
    assert json.loads(done.stdout) | {"rows_before": 0, "rows": 1, "events": len(story)} == json.loads(done.stdout)
    assert await find_unfolded(pool) == []
