"""The integration's ledger against real streams: each event once, whoever is killed and whatever Redis loses."""

import asyncio
import json
import random
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from contracts.streams import EntryId, shard_of, stream_name
from examples.stream_consumer import Entry, open_ledger, record_entries, retry_dead_letters
from examples.stream_consumer.consumer import Plan, consume
from examples.stream_consumer.groups import leave_out_ghosts, stream_names
from infrastructure.consumer_groups import read_groups
from infrastructure.postgres import Pool
from infrastructure.readers import GroupKey, read_reader_positions, register_reader
from tests.polling import poll_until
from tests.relay.conftest import start_relay
from tests.servers import TEST_SHARDS

_GROUP = "finished-tasks"
_APPEND = "SELECT * FROM log.append_events($1, $2, $3, 'default', $4, $5, $6, $5, $7)"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_ledger(tmp_path / "ledger.sqlite")) as database:
        yield database


def body(task: UUID, outcome: str = "completed") -> bytes:
    return json.dumps({"type": f"task.{outcome}", "subject": f"task/{task}", "time": "2026-11-22T12:00:00Z"}).encode()


def entry(position: int, task: UUID, *, epoch: int = 1, outcome: str = "completed") -> Entry:
    return Entry("s", epoch, position, f"event {epoch}-{position}", body(task, outcome))


async def finish_tasks(pool: Pool, number: int, randomness: random.Random) -> list[str]:
    """Append the end of so many tasks to the log, each in its shard, and return their ids."""
    tasks = [UUID(int=randomness.getrandbits(128)) for _ in range(number)]
    for task in tasks:
        event, kind = UUID(int=randomness.getrandbits(128)), ["task"]
        shard = shard_of(task, TEST_SHARDS)
        await pool.execute(_APPEND, shard, [event], ["task.completed"], kind, [task], [1], [body(task)])
    return [str(task) for task in tasks]


@asynccontextmanager
async def member(redis_url: str, tmp_path: Path, name: str) -> AsyncIterator[Process]:
    arguments = ("--redis-url", redis_url, "--database", str(tmp_path / "ledger.sqlite"), "--claim-seconds", "0.5")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.stream_consumer", *arguments, "--member", name), stdout=DEVNULL, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def finished(ledger: sqlite3.Connection) -> list[str]:
    return [row[0] for row in ledger.execute("SELECT task_id FROM finished_tasks ORDER BY task_id")]


def seen(ledger: sqlite3.Connection) -> int:
    return int(ledger.execute("SELECT count(*) FROM seen").fetchone()[0])


async def pending(redis: Redis) -> int:
    """Count what the group was given and has not acknowledged; none while it is not made."""
    try:
        summaries = [await redis.xpending(name, _GROUP) for name in stream_names(TEST_SHARDS)]
    except ResponseError:
        return 0
    return sum(summary["pending"] for summary in summaries)


def test_the_names_of_the_streams_are_those_of_the_service() -> None:
    assert stream_names(TEST_SHARDS) == [stream_name(shard) for shard in range(TEST_SHARDS)]


def test_an_event_that_is_given_again_changes_nothing(ledger: sqlite3.Connection) -> None:
    batch = [entry(1, UUID(int=1)), entry(2, UUID(int=2), outcome="failed")]
    assert record_entries(ledger, batch) == (2, 0, 0)
    assert record_entries(ledger, [*batch, entry(3, UUID(int=3))]) == (1, 2, 0)
    assert finished(ledger) == [str(UUID(int=number)) for number in (1, 2, 3)]


def test_what_cannot_be_understood_is_put_aside_and_tried_again_when_asked(ledger: sqlite3.Connection) -> None:
    damaged = entry(2, UUID(int=2))._replace(body=b"{")
    assert record_entries(ledger, [entry(1, UUID(int=1)), damaged, entry(3, UUID(int=3))]) == (3, 0, 1)
    assert finished(ledger) == [str(UUID(int=number)) for number in (1, 3)]
    assert retry_dead_letters(ledger) == 0
    ledger.execute("UPDATE dead_letters SET body = ?", (body(UUID(int=2)),))
    assert retry_dead_letters(ledger) == 1
    assert retry_dead_letters(ledger) == 0
    assert len(finished(ledger)) == 3


def test_a_batch_that_fails_leaves_nothing_behind(ledger: sqlite3.Connection) -> None:
    ledger.execute("CREATE TRIGGER refuse BEFORE INSERT ON finished_tasks BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(sqlite3.IntegrityError):
        record_entries(ledger, [entry(1, UUID(int=1))])
    assert seen(ledger) == 0


def test_what_a_lost_future_held_is_undone_when_the_log_goes_on_without_it(ledger: sqlite3.Connection) -> None:
    record_entries(ledger, [entry(position, UUID(int=position)) for position in (1, 2, 3)])
    record_entries(ledger, [entry(2, UUID(int=9), epoch=2)])
    assert finished(ledger) == [str(UUID(int=number)) for number in (1, 9)]
    assert seen(ledger) == 2


async def test_ghosts_that_are_still_on_the_stream_are_left_out(redis: Redis) -> None:
    for entry_id in ("1-1", "1-2", "1-3", "2-2"):
        await redis.xadd("s", {"event_id": entry_id, "__data__": "{}"}, id=entry_id)
    entries = [*(entry(position, UUID(int=1)) for position in (1, 2, 3)), entry(2, UUID(int=1), epoch=2)]
    assert [each.entry_id for each in await leave_out_ghosts(redis, entries)] == ["1-1", "2-2"]


async def test_a_group_that_redis_lost_is_left_to_the_relay_which_knows_where_it_stood(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, ledger: sqlite3.Connection
) -> None:
    tasks = await finish_tasks(pool, 40, random.Random(3))
    await register_reader(pool, _GROUP, from_now=True)
    noted = {row.key: row.entry for row in await read_reader_positions(pool)}
    said: list[str] = []
    plan = Plan(redis_url, stream_names(TEST_SHARDS), _GROUP, "a", said.append, patience_seconds=60)
    reading = asyncio.create_task(consume(plan, ledger))
    try:
        await poll_until(lambda: said or reading.done(), what="it finds no group")
        assert await read_groups(redis, noted) == {}
        async with start_relay(database_url, redis_url):

            async def is_back() -> bool:
                return await read_groups(redis, noted) == noted

            await poll_until(is_back, timeout=20)
            later = await finish_tasks(pool, 5, random.Random(4))
            await poll_until(lambda: finished(ledger) == sorted(later), timeout=20)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert len(tasks) == 40
    assert seen(ledger) == 5


async def test_a_group_that_nobody_makes_is_made_from_the_beginning(
    redis: Redis, redis_url: str, ledger: sqlite3.Connection
) -> None:
    keys = [GroupKey(_GROUP, shard) for shard in range(2)]
    said: list[str] = []
    plan = Plan(redis_url, stream_names(2), _GROUP, "a", said.append, patience_seconds=0)
    reading = asyncio.create_task(consume(plan, ledger))

    async def is_made() -> bool:
        return await read_groups(redis, keys) == dict.fromkeys(keys, EntryId(0, 0))

    try:
        await poll_until(is_made)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.faults
async def test_a_member_killed_in_the_middle_of_a_batch_is_taken_over_from(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, tmp_path: Path, ledger: sqlite3.Connection
) -> None:
    tasks = await finish_tasks(pool, 40, random.Random(1))
    async with start_relay(database_url, redis_url):
        ledger.execute("BEGIN IMMEDIATE")  # the member takes entries, and waits for the ledger
        async with member(redis_url, tmp_path, "a") as first:

            async def has_taken() -> bool:
                return await pending(redis) > 0

            await poll_until(has_taken, timeout=30)
            first.kill()
            await first.wait()
        ledger.execute("ROLLBACK")
        assert seen(ledger) == 0
        async with member(redis_url, tmp_path, "b"):
            await poll_until(lambda: finished(ledger) == sorted(tasks), timeout=30)

            async def is_done() -> bool:
                return await pending(redis) == 0

            await poll_until(is_done)


@pytest.mark.faults
@pytest.mark.slow
async def test_members_killed_again_and_again_and_a_redis_emptied_leave_each_event_in_the_ledger_once(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, tmp_path: Path, ledger: sqlite3.Connection
) -> None:
    randomness = random.Random(2)
    tasks: list[str] = []
    async with start_relay(database_url, redis_url), member(redis_url, tmp_path, "steady") as steady:
        for kill in range(3):
            async with member(redis_url, tmp_path, f"killed {kill}") as killed:
                tasks += await finish_tasks(pool, 60, randomness)
                goal = len(tasks) - randomness.randrange(5, 50)
                await poll_until(lambda goal=goal: seen(ledger) >= goal, timeout=30)  # type: ignore[misc] # bound above
                killed.kill()
                await killed.wait()
            if kill == 1:
                await redis.flushdb()
        tasks += await finish_tasks(pool, 10, randomness)
        await poll_until(lambda: finished(ledger) == sorted(tasks), timeout=30)
        assert seen(ledger) == len(tasks)
        assert steady.returncode is None
        steady.terminate()
        assert await asyncio.wait_for(steady.wait(), 15) == 0
