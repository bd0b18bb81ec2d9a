"""PostgreSQL is killed under load: what was answered is there, once; what was not can be sent again."""

import asyncio
import random
from uuid import UUID

import pytest

from contracts.streams import Token
from infrastructure.joint_saves import saving
from infrastructure.postgres import Pool, open_pool
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres
from tests.roots import new_id
from tests.write_path.history import find_faults
from tests.write_path.writes import carry_out

_WORKERS, _KILLS = 6, 2


async def _send(pool: Pool, worker: int, roots: list[UUID], stop: asyncio.Event, answered: dict[str, Token]) -> None:
    """Send commands until told to stop, each again and again under its key until it is answered.

    Those on one root are saved together with others that come at the same time.
    """
    randomness, number = random.Random(worker), 0
    save = saving(pool, most=8, lanes=1)

    async def send(part: int) -> None:
        key = f"{worker}-{number}-{part}"
        chosen = randomness.sample(roots, 2 if part == 0 else 1)
        answered[key] = await carry_out(pool, key, chosen, randomness, tries=3000, save=save)

    while not stop.is_set():
        await asyncio.gather(*(send(part) for part in range(4)))
        number += 1


async def _wait_for_answers(answered: dict[str, Token], more: int) -> None:
    enough = len(answered) + more
    await poll_until(lambda: len(answered) >= enough, timeout=60, what="commands go through")


@pytest.mark.faults
async def test_every_answered_command_is_there_once_after_postgres_was_killed_under_load(
    private_postgres: PrivatePostgres, randomness: random.Random
) -> None:
    roots = [new_id(randomness) for _ in range(20)]
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
    events = sum(2 if key.endswith("-0") else 1 for key in answered)
    assert await pool.fetchval("SELECT count(*) FROM log.events") == events
    assert await find_faults(pool) == []
    await pool.close()
