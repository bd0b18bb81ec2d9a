"""What is said of events that are neither in the log nor in the archive because they are on their way between them."""

import re
from collections.abc import AsyncIterator
from random import Random

import asyncpg
import pytest
from redis.asyncio import Redis

from infrastructure import postgres
from infrastructure.log_restoring import HistoryLostError, restore_log
from infrastructure.postgres import Pool, open_pool
from projectors.projections.tasks import TASKS
from projectors.rebuilding import HistoryMissingError
from projectors.refolding import CannotRefoldError, refold
from tests.rebuild.rebuilds import run_rebuild
from tests.verification.line import Line
from tests.verification.small_partitions import archive, make_small_line

UNDER_WAY = (
    r"archiving of events_000000 is under way and waits for pg_dump \(process \d+ of the database\), in a transact"
)


@pytest.fixture
async def line(pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch) -> Line:
    return await make_small_line(pool, redis, randomness, monkeypatch)


@pytest.fixture
async def impatient(line: Line, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    """A pool that waits for locks for a moment only."""
    monkeypatch.setitem(postgres._SESSION, "lock_timeout", "300ms")  # noqa: SLF001 - ten seconds otherwise
    opened = await open_pool(database_url, size=2, application_name="bureau relay")
    assert line.shard >= 0
    yield opened
    await opened.close()


@pytest.fixture
async def dump(line: Line, database_url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Somebody who reads the whole database in one transaction."""
    connection = await asyncpg.connect(database_url, server_settings={"application_name": "pg_dump"})
    transaction = connection.transaction(isolation="repeatable_read", readonly=True)
    await transaction.start()
    await connection.fetch("SELECT FROM log.events LIMIT 1")
    assert line.shard >= 0
    yield connection
    await connection.close()


async def test_whoever_needs_them_is_told_that_they_are_on_their_way_and_who_keeps_them(
    line: Line, impatient: Pool, dump: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    begun = "SELECT aggregate_id FROM log.events WHERE position = 1 AND event_type = 'task.submitted' LIMIT 1"
    task = await line.pool.fetchval(begun)
    for _ in range(2):
        done = await archive(impatient, line.redis)
        assert (done.partitions, re.match(UNDER_WAY, done.words) is not None) == (0, True), done.words
    with pytest.raises(HistoryMissingError, match=rf"event 1 of shard 0.*: {UNDER_WAY}"):
        await run_rebuild(line.pool, TASKS)
    with pytest.raises(CannotRefoldError, match=UNDER_WAY):
        await refold(line.pool, TASKS, task)
    with pytest.raises(HistoryLostError, match=rf"neither in the log nor in the archive: {UNDER_WAY}"):
        await restore_log(line.pool)

    await dump.close()
    assert (await archive(impatient, line.redis)).partitions == 1
    await refold(line.pool, TASKS, task)
    await run_rebuild(line.pool, TASKS)
    assert await restore_log(line.pool) == 1
