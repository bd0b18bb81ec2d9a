"""Verification while the beginning of the log goes to the archive, at each step of it: nothing differs."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from bureau.verification import Report, Scope, verify
from infrastructure import verification_aggregates
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis
from infrastructure.verification_aggregates import AggregateChunk, read_chunk
from infrastructure.verification_events import FIRST_ID, LAST_ID, IdRange, Most, read_histories
from tests.polling import poll_until
from tests.verification import small_partitions
from tests.verification.line import Line, kinds, make_line
from tests.verification.small_partitions import make_small_line

_WAITING = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending"


@pytest.fixture
async def line(pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch) -> Line:
    return await make_small_line(pool, redis, randomness, monkeypatch)


async def archive(pool: Pool, redis: Redis) -> None:
    done = await small_partitions.archive(pool, redis)
    assert done.partitions == 1, done.words


def archive_elsewhere(database_url: str, redis_url: str) -> None:
    """Archive before this returns, though the event loop of this thread stands still meanwhile."""

    async def work() -> None:
        pool = await open_pool(database_url, size=1, application_name="archive")
        redis = open_redis(redis_url)
        try:
            await archive(pool, redis)
        finally:
            await redis.aclose()
            await pool.close()

    with ThreadPoolExecutor(1) as executor:
        executor.submit(lambda: asyncio.run(work())).result()


def is_cut_off(report: Report) -> bool:
    return report.unfolded > 0


@pytest.mark.parametrize("step", ["log and streams", "aggregates and read models", "sums of usage_sums", "receipts"])
async def test_a_log_that_is_cut_between_two_readings_agrees(
    line: Line, database_url: str, redis_url: str, step: str
) -> None:
    """The first reading of the step still sees the whole log, all later ones see it cut."""
    cuts: list[str] = []

    def cut_once(at: str, _done: int, _total: int | None) -> None:
        if at == step and not cuts:
            cuts.append(at)
            archive_elsewhere(database_url, redis_url)

    scope = Scope(is_deep=True, patience_seconds=0)
    report = await verify(line.pool, line.redis, scope, advance=cut_once)
    assert cuts == [step]
    assert [str(each) for each in report.differences] == []
    assert is_cut_off(report) is (step == "log and streams")
    again = await line.verify()
    assert [str(each) for each in again.differences] == []
    assert is_cut_off(again)


async def test_a_log_that_is_cut_while_a_chunk_of_aggregates_is_read_agrees(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot is of before; detaching the partition waits for it, so that its events are still there."""
    read: Callable[..., Awaitable[object]] = read_histories
    archiving: list[asyncio.Task[None]] = []

    async def cut_first(*arguments: object, **options: object) -> object:
        if not archiving:
            archiving.append(asyncio.create_task(archive(line.pool, line.redis)))
            await poll_until(lambda: line.pool.fetchval(_WAITING))
            found = await read(*arguments, **options)
            assert not archiving[0].done(), "the partition has to wait for the snapshot"
            return found
        return await read(*arguments, **options)

    monkeypatch.setattr(verification_aggregates, "read_histories", cut_first)
    report = await line.verify()
    await archiving[0]
    assert [str(each) for each in report.differences] == []
    assert not is_cut_off(report)
    assert is_cut_off(await line.verify())


async def test_of_aggregates_without_events_in_the_log_nothing_is_read(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be nearly all: only a row whose aggregate begins in the log can be compared."""
    await archive(line.pool, line.redis)
    whole = {row[0] for row in await line.pool.fetch("SELECT aggregate_id FROM log.events WHERE generation = 1")}
    chunks: list[AggregateChunk] = []

    async def read_chunk(*arguments: Any) -> AggregateChunk:  # noqa: ANN401 - as they are
        chunks.append(await verification_aggregates.read_chunk(*arguments))
        return chunks[-1]

    monkeypatch.setattr("bureau.verification.aggregates.read_chunk", read_chunk)
    report = await line.verify()
    assert [str(each) for each in report.differences] == []
    assert {key[0] for chunk in chunks for rows in chunk.rows.values() for key in rows} == whole
    logged = {event.aggregate_id for chunk in chunks for event in chunk.events}
    assert {aggregate for chunk in chunks for aggregate in chunk.generations} == logged
    assert len(whole) < len(logged) < await line.pool.fetchval("SELECT count(*) FROM write.aggregates")
    await line.pool.execute("DELETE FROM read.task_timeline WHERE task_id = ANY ($1)", list(whole))
    assert await line.find() == {"view.missing"}


async def test_of_aggregates_whose_events_are_lost_few_are_read_at_a_time(
    pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await make_line(pool, redis, randomness)
    await pool.execute("DELETE FROM log.events")
    monkeypatch.setattr("bureau.verification.aggregates._CHUNK", Most(10, 1_000_000))
    report = await line.verify()
    assert {"aggregate.generation", "view.surplus"} <= kinds(report)
    written = await pool.fetchval("SELECT count(*) FROM write.aggregates")
    found = await read_chunk(pool, IdRange(FIRST_ID, LAST_ID), {}, Most(10, 1_000_000))
    assert (len(found.generations), written > 60) == (10, True)
