"""The cache when Redis dies, hangs and returns."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from infrastructure.clock import monotonic_seconds
from tests.polling import poll_until
from tests.private_servers import PrivateValkey
from tests.query.cached import TAG, TASK, generation_of
from tests.query.conftest import open_world
from tests.query.world import (
    World,
    positions_of,
    put_task_detail,
)


@pytest.fixture
async def fragile_world(database_url: str, private_valkey: PrivateValkey) -> AsyncIterator[World]:
    async with open_world(database_url, private_valkey.redis_url) as opened:
        yield opened


@pytest.mark.faults
async def test_queries_go_on_while_redis_is_dead_and_use_it_when_it_returns(
    fragile_world: World, private_valkey: PrivateValkey
) -> None:
    world = fragile_world
    await put_task_detail(world.pool, "t", generation=1)
    assert await generation_of(world) == 1
    private_valkey.kill()
    await poll_until(lambda: not positions_of(world).is_listening.is_set(), what="the end is noticed")
    await put_task_detail(world.pool, "t", generation=2)

    assert [await generation_of(world) for _ in range(5)] == [2] * 5
    assert (await world.client.get("/ready")).status_code == 200

    private_valkey.start()
    await world.redis.flushall()
    async with asyncio.timeout(10):
        while not await _is_filled(world):
            await asyncio.sleep(0.05)


@pytest.mark.faults
async def test_a_redis_that_hangs_costs_one_request_its_patience(
    fragile_world: World, private_valkey: PrivateValkey
) -> None:
    await put_task_detail(fragile_world.pool, "t")
    await generation_of(fragile_world)
    os.kill(private_valkey.process_id, signal.SIGSTOP)
    try:
        started = monotonic_seconds()
        generations = [await generation_of(fragile_world) for _ in range(20)]
        seconds = monotonic_seconds() - started
    finally:
        os.kill(private_valkey.process_id, signal.SIGCONT)

    assert generations == [1] * 20
    assert seconds < 4  # twenty times the patience would be ten


async def _is_filled(world: World) -> bool:
    await world.get(TASK)
    return bool(await world.redis.exists(f"bureau:cache:{TAG}"))
