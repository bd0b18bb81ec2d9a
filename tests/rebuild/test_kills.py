"""Rebuilds and projectors killed at random under live writes: whatever died when, the read models are the fold."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random

import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool
from infrastructure.read_versions import read_serving_versions
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import let_pass, poll_until
from tests.projectors.stories import carry, write_tasks


@asynccontextmanager
async def _bureau(environment: dict[str, str], *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bureau", *arguments, env=os.environ | environment, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _has_begun(pool: Pool, version: int) -> bool:
    row = await pool.fetchrow("SELECT version, building FROM read.projections WHERE projection = 'tasks'")
    return row is not None and (row["building"] == version or row["version"] >= version)


@pytest.mark.faults
@pytest.mark.slow
async def test_rebuilds_and_projectors_killed_under_load_leave_the_read_models_equal_to_the_fold_of_the_log(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: Random, tmp_path: Path
) -> None:
    is_over = asyncio.Event()
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "BUREAU_PORT": "0"}
    rebuild = ("rebuild", "tasks", "--drop-old", "--processes", "1", "--directory", str(tmp_path / "none"))

    async def write_all_the_time() -> int:
        written = 0
        while not is_over.is_set():
            written += await write_tasks(pool, randomness, 20)
            await carry(pool, redis)
        return written

    writer = asyncio.create_task(write_all_the_time())
    for _ in range(3):
        wanted = (await read_serving_versions(pool)).get("tasks", 1) + 1
        async with _bureau(environment, "serve", "projectors"), _bureau(environment, *rebuild) as rebuilding:
            await poll_until(partial(_has_begun, pool, wanted), timeout=60, what="the rebuild begins")
            await let_pass(randomness.uniform(0.0, 0.4))
            rebuilding.kill()
    async with _bureau(environment, "serve", "projectors"):
        await _rebuild_to_the_end(environment, rebuild)
        is_over.set()
        assert await writer > 100
        await poll_until(lambda: has_applied_everything(pool), timeout=60)
    assert (await read_serving_versions(pool))["tasks"] >= 2
    assert await pool.fetchval("SELECT count(*) FROM read.checkpoints WHERE projection = 'tasks'") == await _shards(
        pool
    )
    assert await find_unfolded(pool) == []


async def _rebuild_to_the_end(environment: dict[str, str], rebuild: tuple[str, ...]) -> None:
    """Go on with what was begun; where the last one was killed between switch and drop, drop first."""
    async with _bureau(environment, *(each for each in rebuild if each != "--drop-old"), "--confirm") as confirming:
        await confirming.wait()
    async with _bureau(environment, *rebuild) as rebuilding:
        assert await rebuilding.wait() == 0


async def _shards(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM log.floors"))
