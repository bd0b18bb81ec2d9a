"""Verification while the beginning of the log goes to the archive, at each step of it: nothing differs."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from redis.asyncio import Redis

from bureau.verification import Report, Scope, verify
from infrastructure import retention, verification_aggregates
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis
from infrastructure.stream_trimming import read_floors, read_streams, trim_streams
from tests.polling import poll_until
from tests.servers import TEST_SHARDS
from tests.verification.line import Line, make_line

SIZE = 5
"""Positions of a shard in the first partition, instead of a million."""
_SMALL = (
    "DROP TABLE log.events_000000, log.events_000001, log.events_000002",
    "CREATE TABLE log.events_000000 PARTITION OF log.events FOR VALUES FROM (0) TO (5)",
    "CREATE TABLE log.events_000001 PARTITION OF log.events FOR VALUES FROM (5) TO (1000000)",
)
# What comes after the first partition has to stay.
_SLOW = """
INSERT INTO read.checkpoints (projection, version, shard, epoch, position)
SELECT 'slow', 1, shard, 1, 5 FROM log.floors
"""
_WAITING = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending"


@pytest.fixture
async def line(pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A line that agrees, of whose log the first partition may go to the archive."""
    monkeypatch.setattr(retention, "_PARTITION_POSITIONS", SIZE)
    for statement in _SMALL:
        await pool.execute(statement)
    made = await make_line(pool, redis, randomness, tasks=120)
    shortest = await pool.fetchval("SELECT min(h.position) FROM log.floors f, LATERAL log.head_of(f.shard) h")
    assert shortest > 2 * SIZE, "every shard has to reach into the second partition"
    await pool.execute(_SLOW)
    return made


async def archive(pool: Pool, redis: Redis) -> None:
    """Cut the log and the streams behind the first partition, as the relay does."""
    streams = await read_streams(redis, range(TEST_SHARDS))
    done = await retention.archive_log(pool, streams, days=0)
    assert done.partitions == 1, done.words
    await trim_streams(redis, await read_floors(pool), streams)


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
    read_whole: Callable[..., Awaitable[object]] = verification_aggregates._read_whole  # noqa: SLF001 - the moment in between
    archiving: list[asyncio.Task[None]] = []

    async def cut_first(*arguments: object, **options: object) -> object:
        if not archiving:
            archiving.append(asyncio.create_task(archive(line.pool, line.redis)))
            await poll_until(lambda: line.pool.fetchval(_WAITING))
            found = await read_whole(*arguments, **options)
            assert not archiving[0].done(), "the partition has to wait for the snapshot"
            return found
        return await read_whole(*arguments, **options)

    monkeypatch.setattr(verification_aggregates, "_read_whole", cut_first)
    report = await line.verify()
    await archiving[0]
    assert [str(each) for each in report.differences] == []
    assert not is_cut_off(report)
    assert is_cut_off(await line.verify())
