"""Events that can't be applied: they wait with the later events of their own root, and everything else goes on."""

from itertools import islice
from random import Random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool
from projectors.main import check_followers
from projectors.projections.task_detail import TASK_DETAIL
from projectors.projections.tasks import TASKS
from tests.fold import has_applied_everything
from tests.polling import poll_until
from tests.projectors.conftest import ProjectorStarter
from tests.projectors.parked_fold import find_unfolded_but_parked, read_parked_positions
from tests.projectors.poison import long_story, unsavable, with_gap
from tests.projectors.stories import Written, carry, interleave, task_story, write, write_tasks

SHARD = 5


async def positions_of(pool: Pool, root: UUID, first_generation: int) -> set[tuple[int, int]]:
    """Return where the log has a root's events from a generation on."""
    sql = "SELECT shard, position FROM log.events WHERE root_id = $1 AND generation >= $2"
    return {(row["shard"], row["position"]) for row in await pool.fetch(sql, root, first_generation)}


async def parked_roots(pool: Pool, projection: str) -> set[UUID]:
    return {
        row["root_id"]
        for row in await pool.fetch("SELECT root_id FROM read.parked_roots WHERE projection = $1", projection)
    }


@pytest.mark.parametrize("is_carried", [True, False])
async def test_a_poison_event_among_many_roots_parks_its_root_from_there_on_and_nothing_else(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random, is_carried: bool
) -> None:
    bad = with_gap(long_story(randomness, SHARD), 2)
    others = [task_story(randomness) for _ in range(40)]
    await write(pool, interleave(randomness, [*others, bad]))
    if is_carried:
        await carry(pool, redis)
    async with projectors() as session:
        await poll_until(lambda: has_applied_everything(pool))
        await check_followers(session.followers)
    for projection in (TASKS, TASK_DETAIL):
        assert await parked_roots(pool, projection.name) == {bad[0].root}
        assert await read_parked_positions(pool, projection) == await positions_of(pool, bad[0].root, 4)
    assert await pool.fetchval("SELECT count(*) FROM read.parked_roots") == 2, "who does not look, does not park"
    assert await find_unfolded_but_parked(pool) == []


async def test_parked_events_keep_a_copy_of_what_the_log_holds(
    pool: Pool, projectors: ProjectorStarter, randomness: Random
) -> None:
    bad = with_gap(long_story(randomness, SHARD), 1)
    await write(pool, bad)
    async with projectors():
        await poll_until(lambda: has_applied_everything(pool))
    columns = "shard, position, epoch, event_id, event_type, workspace_id, aggregate_kind, aggregate_id, generation"
    columns += ", root_id, recorded_at, envelope"
    parked = await pool.fetch(f"SELECT {columns} FROM read.parked_events WHERE projection = 'tasks' ORDER BY position")  # noqa: S608 - constants
    logged = await pool.fetch(f"SELECT {columns} FROM log.events WHERE generation > 1 ORDER BY position")  # noqa: S608 - constants
    assert parked == logged
    [root] = await pool.fetch("SELECT * FROM read.parked_roots WHERE projection = 'tasks'")
    assert (root["failed_position"], root["attempts"]) == (logged[0]["position"], 1)
    assert "is generation 3 of" in root["error"]


@pytest.mark.parametrize("place", [0, 7, 39])
async def test_a_row_that_the_database_refuses_parks_the_root_that_it_is_of(
    pool: Pool, projectors: ProjectorStarter, randomness: Random, place: int
) -> None:
    bad = unsavable(long_story(randomness, SHARD))
    others = [long_story(randomness, SHARD) for _ in range(40)]
    stories = [*others[:place], bad, *others[place:]]
    await write(pool, [written for story in stories for written in story])
    async with projectors() as session:
        await poll_until(lambda: has_applied_everything(pool))
        await check_followers(session.followers)
    assert await parked_roots(pool, "tasks") == {bad[0].root}
    assert await read_parked_positions(pool, TASKS) == await positions_of(pool, bad[0].root, 1)
    [root] = await pool.fetch("SELECT * FROM read.parked_roots WHERE projection = 'tasks'")
    assert "ProgramLimitExceededError" in root["error"]
    assert await find_unfolded_but_parked(pool) == []


async def test_two_poison_events_in_one_batch_park_both_roots_and_keep_the_order_of_each(
    pool: Pool, projectors: ProjectorStarter, randomness: Random
) -> None:
    bad = [with_gap(long_story(randomness, SHARD), 1), unsavable(long_story(randomness, SHARD))]
    bad.append(with_gap(long_story(randomness, SHARD), 3))
    await write(pool, interleave(randomness, [*bad, *(long_story(randomness, SHARD) for _ in range(20))]))
    async with projectors():
        await poll_until(lambda: has_applied_everything(pool))
    assert await parked_roots(pool, "tasks") == {story[0].root for story in bad}
    assert await find_unfolded_but_parked(pool) == []


async def test_later_events_of_a_parked_root_wait_too_also_after_a_restart(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    story = with_gap(long_story(randomness, SHARD, 7), 1)

    async def add(events: list[Written]) -> None:
        await write(pool, events)
        await write_tasks(pool, randomness, 5)
        await carry(pool, redis)
        await poll_until(lambda: has_applied_everything(pool))

    async with projectors():
        await add(story[:3])
        await add(story[3:4])
    async with projectors():
        await add(story[4:5])
        await add(story[5:])
    assert await read_parked_positions(pool, TASKS) == await positions_of(pool, story[0].root, 3)
    assert await pool.fetchval("SELECT count(*) FROM read.parked_roots WHERE projection = 'tasks'") == 1
    assert await find_unfolded_but_parked(pool) == []


async def test_two_projectors_never_disagree_about_what_is_parked(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    bad = [with_gap(long_story(randomness, SHARD, 6), randomness.randint(1, 3)) for _ in range(15)]
    rest = [iter(story[3:]) for story in bad]
    async with projectors() as first, projectors() as second:
        for number, story in enumerate(bad):
            await write(pool, interleave(randomness, [story[:3], *(task_story(randomness) for _ in range(5))]))
            await write(pool, [written for later in rest[:number] for written in islice(later, 1)])
            await carry(pool, redis)
        await write(pool, [written for later in rest for written in later])
        await poll_until(lambda: has_applied_everything(pool))
        await check_followers(first.followers)
        await check_followers(second.followers)
    assert await parked_roots(pool, "tasks") == {story[0].root for story in bad}
    assert await find_unfolded_but_parked(pool) == []
