"""PostgreSQL is killed under load: what was answered is there, once; what was not can be sent again."""

import asyncio
import random
from uuid import UUID

import pytest

from contracts.streams import Token
from infrastructure.postgres import Pool, open_pool
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres
from tests.write_path.history import find_faults
from tests.write_path.writes import carry_out, make_id

_WORKERS, _KILLS = 6, 2


async def _send(pool: Pool, worker: int, roots: list[UUID], stop: asyncio.Event, answered: dict[str, Token]) -> None:
    """Send commands until told to stop, each again and again under its key until it is answered."""
    randomness, number = random.Random(worker), 0
    while not stop.is_set():
        key = f"{worker}-{number}"
        answered[key] = await carry_out(pool, key, randomness.sample(roots, 2), randomness, tries=3000)
        number += 1


async def _wait_for_answers(answered: dict[str, Token], more: int) -> None:
    enough = len(answered) + more
    await poll_until(lambda: len(answered) >= enough, timeout=60, what="commands go through")


@pytest.mark.faults
async def test_every_answered_command_is_there_once_after_postgres_was_killed_under_load(
    private_postgres: PrivatePostgres, randomness: random.Random
) -> None:
    roots = [make_id(randomness) for _ in range(20)]
    pool = await open_pool(private_postgres.database_url, size=_WORKERS, application_name="write path test")
    answered: dict[str, Token] = {}
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for worker in range(_WORKERS):
            group.create_task(_send(pool, worker, roots, stop, answered))
        for _ in range(_KILLS):
            await _wait_for_answers(answered, 150)
            await asyncio.to_thread(private_postgres.kill)
            await asyncio.to_thread(private_postgres.start)
        await _wait_for_answers(answered, 50)
        stop.set()
    receipts = {
        row["key"]: Token(row["epoch"], dict(zip(row["shards"], row["positions"], strict=True)))
        for row in await pool.fetch("SELECT key, epoch, shards, positions FROM write.receipts")
    }
    assert receipts == answered
    assert await pool.fetchval("SELECT count(*) FROM log.events") == 2 * len(answered)
    assert await find_faults(pool) == []
    await pool.close()
