"""Projectors as processes of the operating system: killed at any moment under load, and asked about their health."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import httpx2
import pytest
from redis.asyncio import Redis

from bureau.embedded import find_free_port
from infrastructure.postgres import Pool
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey
from tests.projectors.stories import carry, write_tasks


@asynccontextmanager
async def projector_process(database_url: str, redis_url: str, port: int = 0) -> AsyncIterator[Process]:
    """Start the projectors, and see to it that they are gone afterwards."""
    environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url, "BUREAU_PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bureau", "serve", "projectors", env=environment, stderr=DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def count_applied(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT coalesce(sum(position), 0) FROM read.checkpoints"))


@pytest.mark.faults
@pytest.mark.slow
async def test_projectors_killed_under_load_leave_the_read_models_equal_to_the_fold_of_the_log(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: Random
) -> None:
    is_over = asyncio.Event()

    async def write_all_the_time() -> int:
        written = 0
        while not is_over.is_set():
            written += await write_tasks(pool, randomness, 20)
            await carry(pool, redis)
        return written

    writer = asyncio.create_task(write_all_the_time())
    for _ in range(4):
        goal = await count_applied(pool) + randomness.randint(1, 300)
        async with projector_process(database_url, redis_url) as process:

            async def has_gone_on(goal: int = goal) -> bool:
                return await count_applied(pool) >= goal

            await poll_until(has_gone_on, timeout=30)  # most of it is the start of a process
            process.kill()
    is_over.set()
    assert await writer > 100
    async with projector_process(database_url, redis_url), projector_process(database_url, redis_url):
        await poll_until(lambda: has_applied_everything(pool), timeout=60)
    assert await find_unfolded(pool) == []


async def test_projectors_tell_their_health_and_stop_cleanly(
    private_postgres: PrivatePostgres, private_valkey: PrivateValkey
) -> None:
    private_valkey.kill()
    private_postgres.kill()
    port = find_free_port()
    async with (
        projector_process(private_postgres.database_url, private_valkey.redis_url, port) as process,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):

        async def has_answer(path: str, status: int) -> bool:
            try:
                return (await client.get(path)).status_code == status
            except httpx2.TransportError:
                return False

        await poll_until(lambda: has_answer("/health", 200), timeout=30)
        await poll_until(lambda: has_answer("/ready", 503))
        await asyncio.to_thread(private_valkey.start)
        await asyncio.to_thread(private_postgres.start)
        await poll_until(lambda: has_answer("/ready", 200), timeout=20)
        assert set((await client.get("/ready")).json()["dependencies"]) == {
            "postgresql",
            "redis",
            "streams",
            "projections",
        }
        process.terminate()
        assert await process.wait() == 0
