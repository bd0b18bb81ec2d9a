"""A bump while commands commit and relays carry: nothing is lost, doubled or reordered, and nobody waits for ever."""

import asyncio
import random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from infrastructure.epoch_bump import OtherThanShownError, begin_epoch, plan_bump
from infrastructure.forks import find_forks
from infrastructure.postgres import Pool
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.relay.conftest import start_relay
from tests.relay.events import append_event

pytestmark = [pytest.mark.slow]


async def bump(pool: Pool, redis: Redis) -> int:
    """Bump as often as it takes: under load somebody may move a shard between the plan and the locks."""
    while True:
        try:
            return (await begin_epoch(pool, redis, plan_bump(await find_forks(pool, redis)), "a test")).epoch
        except OtherThanShownError:
            continue


async def test_epochs_begin_while_commands_commit_and_two_relays_carry(
    pool: Pool, redis: Redis, database_url: str, redis_url: str
) -> None:
    is_over = asyncio.Event()

    async def write(own: random.Random) -> int:
        roots, written = [UUID(int=own.getrandbits(128)) for _ in range(5)], 0
        while not is_over.is_set():
            await append_event(pool, roots[written % 5], written // 5 + 1, own)
            written += 1
        return written

    async with start_relay(database_url, redis_url), start_relay(database_url, redis_url):
        writers = [asyncio.create_task(write(random.Random(seed))) for seed in range(4)]
        await poll_until(redis.dbsize, what="something is carried")
        assert [await bump(pool, redis) for _ in range(3)] == [2, 3, 4]
        is_over.set()
        written = sum(await asyncio.gather(*writers))
        await poll_until(lambda: has_caught_up(pool, redis), timeout=30, what="streams at the heads of the log")
    assert await pool.fetchval("SELECT count(*) FROM log.events") == written
    assert await find_differences(pool, redis) == []
