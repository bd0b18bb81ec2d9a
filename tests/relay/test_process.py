"""The relay as a process of the operating system: killed under load, stopped cleanly, asked about its health."""

import asyncio
import random
import re
from pathlib import Path

import httpx2
import pytest
from redis.asyncio import Redis

from bureau.embedded import find_free_port
from contracts.streams import stream_name
from infrastructure.postgres import Pool
from tests.oracle import find_differences, has_caught_up
from tests.polling import let_pass, poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey
from tests.relay.events import append_event, append_many
from tests.relay.processes import relay_process
from tests.roots import root_in
from tests.servers import TEST_SHARDS

MEBIBYTE = 1 << 20


async def entries_on_streams(redis: Redis) -> int:
    pipeline = redis.pipeline(transaction=False)
    for shard in range(TEST_SHARDS):
        pipeline.xlen(stream_name(shard))
    return sum(await pipeline.execute())


def most_memory(process_id: int) -> int:
    """Return how many bytes of memory a process has had at the most."""
    [line] = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process_id}/status").read_text(encoding="ascii"))
    return int(line) * 1024


@pytest.mark.faults
@pytest.mark.slow
async def test_relays_killed_in_the_middle_of_a_backlog_leave_each_event_once_in_order(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: random.Random
) -> None:
    for _ in range(4):
        await append_many(pool, 8_000, randomness, roots=100, size=100)
        goal = await entries_on_streams(redis) + randomness.randrange(1, 6_000)
        async with relay_process(database_url, redis_url) as process:

            async def has_gone_on(goal: int = goal) -> bool:
                return await entries_on_streams(redis) >= goal

            await poll_until(has_gone_on, timeout=30)
            process.kill()
    await append_many(pool, 100, randomness)
    async with relay_process(database_url, redis_url), relay_process(database_url, redis_url):
        await poll_until(lambda: has_caught_up(pool, redis), timeout=30)
    assert await find_differences(pool, redis) == []


@pytest.mark.faults
@pytest.mark.slow
async def test_relays_killed_while_another_relays_and_commands_commit(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: random.Random
) -> None:
    is_over = asyncio.Event()

    async def write(own: random.Random) -> int:
        root, generation = root_in(own.randrange(TEST_SHARDS), own), 0
        while not is_over.is_set():
            generation += 1
            await append_event(pool, root, generation, own)
        return generation

    writers = [asyncio.create_task(write(random.Random(seed))) for seed in range(4)]
    async with relay_process(database_url, redis_url):
        for _ in range(4):
            async with relay_process(database_url, redis_url) as second:
                await let_pass(randomness.uniform(0.8, 1.5))
                second.kill()
        is_over.set()
        assert sum(await asyncio.gather(*writers)) > 100
        await poll_until(lambda: has_caught_up(pool, redis), timeout=30)
    assert await find_differences(pool, redis) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a process is read from /proc")
async def test_ten_times_the_backlog_takes_no_more_memory(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: random.Random
) -> None:
    peaks = []
    for backlog in (5_000, 50_000):
        await append_many(pool, backlog, randomness, roots=200, size=2_000)
        async with relay_process(database_url, redis_url) as process:
            await poll_until(lambda: has_caught_up(pool, redis), timeout=60)
            peaks.append(most_memory(process.pid))

    # The backlog itself grew by 90 MB.
    assert peaks[1] - peaks[0] < 30 * MEBIBYTE, peaks


async def test_a_relay_tells_its_health_and_stops_cleanly(
    private_postgres: PrivatePostgres, private_valkey: PrivateValkey
) -> None:
    private_valkey.kill()
    port = find_free_port()
    async with (
        relay_process(private_postgres.database_url, private_valkey.redis_url, port) as process,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):

        async def status_of(path: str) -> int:
            try:
                return (await client.get(path)).status_code
            except httpx2.TransportError:
                return 0

        async def has_answer(path: str, status: int) -> bool:
            return await status_of(path) == status

        await poll_until(lambda: has_answer("/health", 200), timeout=30)
        await poll_until(lambda: has_answer("/ready", 503))
        await asyncio.to_thread(private_valkey.start)
        await poll_until(lambda: has_answer("/ready", 200), timeout=20)
        async with Redis.from_url(private_valkey.redis_url) as redis:
            await redis.xadd(stream_name(3), {"event_id": "ghost", "__data__": b"{}"}, id="1-1")
        await poll_until(lambda: has_answer("/ready", 503))
        assert "shard 3 stopped" in (await client.get("/ready")).text
        assert await status_of("/health") == 200
        figures = (await client.get("/metrics")).text
        assert 'bureau_relay_backlog_events{shard="3"} 0\n' in figures
        assert 'bureau_relay_oldest_event_seconds{shard="3"} 0.0\n' in figures
        process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), 15)
        assert process.returncode == 0
    lines = errors.decode().splitlines()
    assert sum("shard stopped" in line for line in lines) == 1, lines
    assert sum("relay waits" in line for line in lines) == 1, lines
    assert sum("relay goes on" in line for line in lines) == 1, lines
