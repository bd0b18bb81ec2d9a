"""Projectors killed with SIGKILL while they park, retry and skip: nothing is lost, doubled or reordered by it."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from infrastructure.dead_letters import (
    Action,
    DeadLetter,
    WantedAction,
    add_request,
)
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.projectors.parked_fold import find_unfolded_but_parked
from tests.projectors.poison import has_no_letters, letters_of, long_story
from tests.projectors.stories import carry, interleave, write
from tests.projectors.test_killed_processes import count_applied
from tests.servers import TEST_SHARDS

pytestmark = [pytest.mark.faults, pytest.mark.slow]

_ROOTS = 80


@asynccontextmanager
async def broken_process(database_url: str, redis_url: str, flag: Path) -> AsyncIterator[Process]:
    environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url, "BUREAU_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.projectors.broken_process", str(flag), env=environment, stderr=DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def write_lives(pool: Pool, redis: Redis, randomness: Random) -> list[UUID]:
    """Write tasks that all have a third event and more, and return their ids."""
    stories = [long_story(randomness, randomness.randrange(TEST_SHARDS), 5) for _ in range(_ROOTS)]
    await write(pool, interleave(randomness, stories), together=7)
    await carry(pool, redis)
    return [story[0].root for story in stories]


async def ask_for_all(pool: Pool, letters: Sequence[DeadLetter], action: Action) -> None:
    for letter in letters:
        event_id = letter.event_id if action == "skip" else None
        await add_request(pool, WantedAction(new_id(), letter.dead_letter_id, action, "a test", event_id))


async def kill_when(process: Process, condition: Callable[[], Awaitable[bool]]) -> None:
    """Kill a process as soon as something is so; asks far more often than `poll_until`, to hit it in the middle."""
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.001)
    process.kill()
    await process.wait()


async def test_kills_while_roots_are_parked(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: Random, tmp_path: Path
) -> None:
    (flag := tmp_path / "broken").touch()
    roots = await write_lives(pool, redis, randomness)
    total = await pool.fetchval("SELECT count(*) FROM log.events")
    for share in (0.1, 0.6):
        async with broken_process(database_url, redis_url, flag) as process:

            async def has_gone_on(share: float = share) -> bool:
                return await count_applied(pool) >= share * float(total)

            await kill_when(process, has_gone_on)
    async with broken_process(database_url, redis_url, flag):
        await poll_until(lambda: has_applied_everything(pool), timeout=30)
    assert {letter.root_id for letter in await letters_of(pool)} == set(roots)
    assert len(await letters_of(pool)) == len(roots)
    assert await find_unfolded_but_parked(pool) == []


@pytest.mark.parametrize("action", ["retry", "skip"])
async def test_kills_while_roots_are_released(
    pool: Pool,
    redis: Redis,
    database_url: str,
    redis_url: str,
    randomness: Random,
    tmp_path: Path,
    action: Action,
) -> None:
    (flag := tmp_path / "broken").touch()
    await write_lives(pool, redis, randomness)
    async with broken_process(database_url, redis_url, flag):
        await poll_until(lambda: has_applied_everything(pool), timeout=30)
    letters = await letters_of(pool)
    assert len(letters) == _ROOTS
    flag.unlink()
    await ask_for_all(pool, letters, action)
    for left in (_ROOTS * 3 // 4, _ROOTS // 4):
        async with broken_process(database_url, redis_url, flag) as process:

            async def has_released(left: int = left) -> bool:
                return len(await letters_of(pool)) <= left

            await kill_when(process, has_released)
        assert await letters_of(pool), "it was killed in the middle"
        assert action == "skip" or await find_unfolded_but_parked(pool) == []
    async with broken_process(database_url, redis_url, flag), broken_process(database_url, redis_url, flag):
        await poll_until(lambda: has_no_letters(pool), timeout=30)
    skipped = await pool.fetchval("SELECT count(*) FROM read.parked_requests WHERE outcome = 'released'")
    assert skipped == _ROOTS
    applied = await pool.fetchval("SELECT sum(applied) FROM read.parked_requests")
    assert applied == sum(letter.events - (action == "skip") for letter in letters)
    if action == "retry":
        assert await find_unfolded(pool) == []
