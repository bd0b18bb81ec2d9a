"""Relays that share the shards: one is killed, ended or paused, and another carries on in its place."""

import asyncio
import os
import random
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence
from functools import partial

import pytest
from redis.asyncio import Redis

from contracts.streams import stream_name
from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool
from infrastructure.shard_leases import read_lease_holders
from outbox_relay.records import RELAY_ROLE
from tests.oracle import find_differences, has_caught_up
from tests.polling import once_within, poll_until
from tests.relay.events import append_event
from tests.relay.processes import relay_process
from tests.roots import root_in
from tests.servers import TEST_SHARDS


async def shards_of(pool: Pool, process: Process) -> Sequence[int]:
    """Return what the process holds; nothing where it is thought dead."""
    holders = await read_lease_holders(pool, [RELAY_ROLE])
    return next((each.shards for each in holders if each.name.endswith(f":{process.pid}")), ())


async def is_shared_out(pool: Pool, *processes: Process) -> bool:
    """Tell whether the processes hold every shard between them, evenly."""
    held = [await shards_of(pool, each) for each in processes]
    return sorted(shard for share in held for shard in share) == list(range(TEST_SHARDS)) and (
        max(map(len, held)) - min(map(len, held)) <= 1
    )


async def seconds_until_carried(pool: Pool, redis: Redis, shard: int, randomness: random.Random) -> float:
    """Append an event to a shard; return how long it takes to get onto the stream."""
    before, started = await redis.xlen(stream_name(shard)), monotonic_seconds()
    await append_event(pool, root_in(shard, randomness), 1, randomness)

    async def is_carried() -> bool:
        return bool(await redis.xlen(stream_name(shard)) > before)

    await poll_until(is_carried, timeout=20)
    return monotonic_seconds() - started


async def test_a_relay_that_is_killed_is_replaced_within_two_seconds(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: random.Random
) -> None:
    async def kill_one() -> list[float]:
        async with relay_process(database_url, redis_url) as first, relay_process(database_url, redis_url) as second:
            await poll_until(lambda: is_shared_out(pool, first, second), timeout=30)
            [shard, *_] = await shards_of(pool, first)
            first.kill()
            seconds = await seconds_until_carried(pool, redis, shard, randomness)
            await poll_until(lambda: is_shared_out(pool, second))
            return [seconds]

    await once_within(kill_one, 2.0)


async def test_a_relay_that_is_told_to_end_hands_over_at_once(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: random.Random
) -> None:
    async def end_one() -> list[float]:
        async with relay_process(database_url, redis_url) as first, relay_process(database_url, redis_url) as second:
            await poll_until(lambda: is_shared_out(pool, first, second), timeout=30)
            [shard, *_] = await shards_of(pool, first)
            first.terminate()
            started = monotonic_seconds()
            await poll_until(lambda: is_shared_out(pool, second))
            handed_over = monotonic_seconds() - started
            carried = await seconds_until_carried(pool, redis, shard, randomness)
            assert await asyncio.wait_for(first.wait(), 15) == 0
            return [handed_over, carried]

    await once_within(end_one, 1.0, 0.5)  # no lease runs out so soon


@pytest.mark.faults
@pytest.mark.slow
async def test_a_relay_that_was_paused_past_its_lease_does_no_harm_when_it_wakes(
    pool: Pool, redis: Redis, database_url: str, redis_url: str
) -> None:
    is_over = asyncio.Event()

    async def write(own: random.Random) -> None:
        roots, generation = [root_in(shard, own) for shard in range(TEST_SHARDS)], 0
        while not is_over.is_set():
            generation += 1
            for root in roots:
                await append_event(pool, root, generation, own)

    async with relay_process(database_url, redis_url) as first, relay_process(database_url, redis_url) as second:
        await poll_until(lambda: is_shared_out(pool, first, second), timeout=30)
        writers = [asyncio.create_task(write(random.Random(seed))) for seed in range(3)]
        for paused, other in [(first, second), (second, first)] * 3:
            os.kill(paused.pid, signal.SIGSTOP)
            await poll_until(partial(is_shared_out, pool, other))
            os.kill(paused.pid, signal.SIGCONT)
            await poll_until(lambda: is_shared_out(pool, first, second))
        is_over.set()
        await asyncio.gather(*writers)
        await poll_until(lambda: has_caught_up(pool, redis), timeout=30)
    assert await find_differences(pool, redis) == []


async def test_a_third_relay_takes_its_share_of_a_running_pair(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: random.Random
) -> None:
    async with relay_process(database_url, redis_url) as first, relay_process(database_url, redis_url) as second:
        await poll_until(lambda: is_shared_out(pool, first, second), timeout=30)
        async with relay_process(database_url, redis_url) as third:
            await poll_until(lambda: is_shared_out(pool, first, second, third), timeout=30)
            for shard in range(TEST_SHARDS):
                await append_event(pool, root_in(shard, randomness), 1, randomness)
            await poll_until(lambda: has_caught_up(pool, redis))
        await poll_until(lambda: is_shared_out(pool, first, second))
    assert await find_differences(pool, redis) == []
