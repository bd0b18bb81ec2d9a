"""Replicas that share the shards of each projection: fairly, and so that a death or a stop costs next to nothing."""

import os
import signal
import time
from collections.abc import Collection
from contextlib import AsyncExitStack
from random import Random

import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool
from infrastructure.shard_leases import read_lease_holders
from projectors.follower import role_of
from projectors.main import check_followers, create_followers
from projectors.projections import PROJECTIONS
from projectors.projections.tasks import TASKS
from projectors.reading import Session, check_reading
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import once_within, poll_until
from tests.projectors.conftest import start_projectors
from tests.projectors.stories import carry, write_tasks
from tests.projectors.test_killed_processes import projector_process
from tests.servers import TEST_SHARDS

ROLES = [role_of(projection.name) for projection in PROJECTIONS]


async def shares(pool: Pool) -> set[tuple[int, ...]]:
    """Return how many shards the replicas have of each projection, each sorted: one tuple where all are alike."""
    holders = await read_lease_holders(pool, ROLES)
    return {tuple(sorted(len(each.shards) for each in holders if each.role == role)) for role in ROLES}


async def are_shared(pool: Pool, wanted: Collection[int]) -> bool:
    return await shares(pool) == {tuple(sorted(wanted))}


async def test_replicas_get_fair_shares_and_one_too_many_stands_by_ready(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: Random
) -> None:
    async with AsyncExitStack() as replicas:
        sessions = [
            await replicas.enter_async_context(start_projectors(database_url, redis_url, is_sharing=True))
            for _ in range(3)
        ]
        await poll_until(lambda: are_shared(pool, [5, 5, 6]), what="16 shards in three shares")
        for _ in range(3):
            await write_tasks(pool, randomness, 20)
            await carry(pool, redis)
            await poll_until(lambda: has_applied_everything(pool))
        for session in sessions:
            await check_followers(session.followers)
            assert all(len(follower.checkpoints) < TEST_SHARDS for follower in session.followers)
    assert await find_unfolded(pool) == []


async def test_who_works_on_no_shard_is_ready_once_it_knows(redis_url: str) -> None:
    session = Session(redis_url, create_followers())
    with pytest.raises(RuntimeError, match="not begun"):
        await check_followers(session.followers)
    with pytest.raises(RuntimeError, match="not every stream"):
        await check_reading(session)
    for follower in session.followers:
        follower.has_begun.set()
    await check_followers(session.followers)
    await check_reading(session)


async def test_a_replica_that_stops_hands_over_at_once(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: Random
) -> None:
    async with start_projectors(database_url, redis_url, is_sharing=True) as stays:

        async def let_one_come_and_stop() -> list[float]:
            async with start_projectors(database_url, redis_url, is_sharing=True):
                await poll_until(lambda: are_shared(pool, [8, 8]))
                await write_tasks(pool, randomness, 20)
                await carry(pool, redis)
                await poll_until(lambda: has_applied_everything(pool))
            stopped_at = time.monotonic()
            await poll_until(lambda: all(len(each.checkpoints) == TEST_SHARDS for each in stays.followers))
            return [time.monotonic() - stopped_at]

        await once_within(let_one_come_and_stop, 1.0)
        await write_tasks(pool, randomness, 20)
        await poll_until(lambda: has_applied_everything(pool))
    assert await find_unfolded(pool) == []


@pytest.mark.faults
async def test_a_killed_replica_is_replaced_within_two_seconds(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: Random
) -> None:
    async with projector_process(database_url, redis_url):

        async def kill_another() -> list[float]:
            async with projector_process(database_url, redis_url) as dies:
                await poll_until(lambda: are_shared(pool, [8, 8]), timeout=30)
                await write_tasks(pool, randomness, 20)
                await carry(pool, redis)
                await poll_until(lambda: has_applied_everything(pool))
                dies.kill()
                killed_at = time.monotonic()
                await write_tasks(pool, randomness, 20)
                await carry(pool, redis)
                await poll_until(lambda: are_shared(pool, [TEST_SHARDS]))
                return [time.monotonic() - killed_at]

        await once_within(kill_another, 2.0)
        await poll_until(lambda: has_applied_everything(pool))
    assert await find_unfolded(pool) == []


@pytest.mark.faults
async def test_a_replica_that_was_asleep_while_its_shards_were_taken_over_spoils_nothing(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: Random
) -> None:
    async with projector_process(database_url, redis_url), projector_process(database_url, redis_url) as sleeps:
        await poll_until(lambda: are_shared(pool, [8, 8]), timeout=30)
        for _ in range(2):
            await write_tasks(pool, randomness, 30)
            await carry(pool, redis)
            os.kill(sleeps.pid, signal.SIGSTOP)
            await write_tasks(pool, randomness, 30)
            await carry(pool, redis)
            await poll_until(lambda: has_applied_everything(pool))
            os.kill(sleeps.pid, signal.SIGCONT)
            await write_tasks(pool, randomness, 30)
            await carry(pool, redis)
            await poll_until(lambda: has_applied_everything(pool))
            await poll_until(lambda: are_shared(pool, [8, 8]))
    assert await find_unfolded(pool) == []


@pytest.mark.parametrize(
    "lock",
    [
        "SELECT FROM read.checkpoints WHERE projection = 'tasks' FOR UPDATE",
        "LOCK TABLE read.task_list IN ACCESS EXCLUSIVE MODE",
    ],
    ids=["its checkpoints", "its table"],
)
async def test_a_projection_that_is_held_up_holds_up_no_other(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: Random, lock: str
) -> None:
    others = tuple(projection for projection in PROJECTIONS if projection.name != "tasks")
    async with start_projectors(database_url, redis_url, is_sharing=True) as session:
        await write_tasks(pool, randomness, 5)
        await poll_until(lambda: has_applied_everything(pool))
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(lock)
            for _ in range(5):
                await write_tasks(pool, randomness, 20)
                await carry(pool, redis)
                await poll_until(lambda: has_applied_everything(pool, others), timeout=5)
            assert not await has_applied_everything(pool, (TASKS,))
            await check_reading(session)
        await poll_until(lambda: has_applied_everything(pool))
    assert await find_unfolded(pool) == []
