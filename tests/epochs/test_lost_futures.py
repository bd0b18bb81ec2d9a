"""The one legal jump: the log goes on in a later epoch behind an entry that the stream holds, over a lost future."""

import random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from contracts.streams import EntryId, stream_name
from infrastructure.log_batches import LogBatch, read_batches
from infrastructure.postgres import Pool
from infrastructure.stream_writer import AppendAnswer, AppendOutcome, append_batches
from tests.oracle import read_entries
from tests.relay.events import append_event
from tests.roots import root_in
from tests.unguarded import unguard

SHARD = 3
STREAM = stream_name(SHARD)
GHOSTS = [f"1-{position}" for position in range(4, 7)]
FORK = [f"1-{position}" for position in range(1, 4)]


async def read(pool: Pool, end: EntryId) -> LogBatch:
    [batch] = await read_batches(pool, {SHARD: end}, limit=100, max_bytes=1_000_000)
    return batch


async def append(redis: Redis, batch: LogBatch) -> AppendAnswer:
    [answer] = await append_batches(redis, [batch])
    return answer


async def ids(redis: Redis) -> list[str]:
    return [entry_id.decode() for entry_id, _ in await read_entries(redis, SHARD)]


async def begin_epoch(pool: Pool, epoch: int, first: int, end: str = "", event: str = "") -> None:
    """Do by hand what a bump does to one shard."""
    await pool.execute("INSERT INTO log.epochs VALUES ($1, $2, $3, $4, $5)", SHARD, epoch, first, end, event)
    await unguard(pool)
    await pool.execute("UPDATE log.events SET epoch = $2 WHERE shard = $1 AND position >= $3", SHARD, epoch, first)


@pytest.fixture
async def log(pool: Pool, redis: Redis, randomness: random.Random) -> Pool:
    """The positions 1 to 3 on log and stream; behind them ghosts on the stream and other events in the log."""
    root = root_in(SHARD, randomness)
    for generation in range(1, 4):
        await append_event(pool, root, generation, randomness)
    await append(redis, await read(pool, EntryId(0, 0)))
    for number, entry_id in enumerate(GHOSTS):
        await redis.xadd(STREAM, {"event_id": str(UUID(int=number)), "__data__": b"ghost"}, id=entry_id)
    for generation in range(4, 6):
        await append_event(pool, root, generation, randomness)
    return pool


async def test_without_a_new_epoch_nothing_is_appended_to_a_lost_future(log: Pool, redis: Redis) -> None:
    for position in range(3, 6):
        answer = await append(redis, await read(log, EntryId(1, position)))
        assert answer.outcome in {AppendOutcome.DIVERGED, AppendOutcome.AHEAD}
    assert (await read(log, EntryId(1, 6))).predecessor_id == ""
    assert await ids(redis) == FORK + GHOSTS


@pytest.mark.parametrize("end", [EntryId(1, 3), EntryId(1, 5), EntryId(1, 6)])
async def test_a_new_epoch_goes_on_from_the_fork(log: Pool, redis: Redis, end: EntryId) -> None:
    await begin_epoch(log, 2, 4)
    batch = await read(log, end)
    assert (batch.start, batch.predecessor_id, batch.next_epoch, batch.ids) == (3, "1-3", 2, ["2-4", "2-5"])
    for _ in range(2):
        assert await append(redis, batch) == AppendAnswer(AppendOutcome.APPENDED, EntryId(2, 5), "")
    assert await ids(redis) == [*FORK, *GHOSTS, "2-4", "2-5"]


async def test_a_fork_behind_which_the_log_has_nothing_is_where_the_shard_stands(
    log: Pool, redis: Redis, randomness: random.Random
) -> None:
    await unguard(log)
    await log.execute("DELETE FROM log.events WHERE shard = $1 AND position > 3", SHARD)
    await begin_epoch(log, 2, 4)
    batch = await read(log, EntryId(1, 6))
    assert await append(redis, batch) == AppendAnswer(AppendOutcome.APPENDED, EntryId(1, 3), "")
    await append_event(log, root_in(SHARD, randomness), 1, randomness)
    assert (await append(redis, await read(log, EntryId(1, 3)))).last == EntryId(2, 4)
    assert await ids(redis) == [*FORK, *GHOSTS, "2-4"]


async def test_a_relay_that_is_late_cannot_add_to_the_lost_future_once_the_log_went_on(log: Pool, redis: Redis) -> None:
    late = (await read(log, EntryId(1, 3)))._replace(predecessor_id="1-6", predecessor_event=str(UUID(int=2)))
    await begin_epoch(log, 2, 4)
    await append(redis, await read(log, EntryId(1, 6)))
    assert (await append(redis, late)).outcome is not AppendOutcome.APPENDED
    assert (await ids(redis))[-1] == "2-5"


async def test_ghosts_that_a_late_relay_adds_before_the_log_goes_on_do_no_harm(log: Pool, redis: Redis) -> None:
    await begin_epoch(log, 2, 4)
    await redis.xadd(STREAM, {"event_id": str(UUID(int=9)), "__data__": b"ghost"}, id="1-7")
    assert (await append(redis, await read(log, EntryId(1, 7)))).last == EntryId(2, 5)


async def test_another_event_at_the_fork_is_another_database(log: Pool, redis: Redis) -> None:
    await begin_epoch(log, 2, 4)
    await unguard(log)
    await log.execute("UPDATE log.events SET event_id = $2 WHERE shard = $1 AND position = 3", SHARD, UUID(int=77))
    assert (await append(redis, await read(log, EntryId(1, 6)))).outcome is AppendOutcome.DIVERGED
    assert await ids(redis) == FORK + GHOSTS


@pytest.mark.parametrize(
    ("end", "event", "outcome"),
    [
        ("1-6", str(UUID(int=2)), AppendOutcome.APPENDED),
        ("1-6", str(UUID(int=1)), AppendOutcome.DIVERGED),
        ("1-5", str(UUID(int=2)), AppendOutcome.DIVERGED),
        ("", "", AppendOutcome.DIVERGED),
    ],
)
async def test_a_stream_trimmed_beyond_the_fork_must_end_as_it_did_at_the_bump(
    log: Pool, redis: Redis, end: str, event: str, outcome: AppendOutcome
) -> None:
    await begin_epoch(log, 2, 4, end, event)
    await redis.xtrim(STREAM, minid="1-5", approximate=False)
    assert (await append(redis, await read(log, EntryId(1, 6)))).outcome is outcome


async def test_a_second_bump_further_back_counts(log: Pool, redis: Redis) -> None:
    await begin_epoch(log, 2, 4)
    await append(redis, await read(log, EntryId(1, 6)))
    await begin_epoch(log, 3, 3)
    assert (await read(log, EntryId(2, 5))).ids == ["3-3", "3-4", "3-5"]
    assert (await append(redis, await read(log, EntryId(2, 5)))).last == EntryId(3, 5)
    assert (await ids(redis))[-5:] == ["2-4", "2-5", "3-3", "3-4", "3-5"]


async def test_a_stream_in_an_epoch_that_the_log_never_had_diverges(log: Pool, redis: Redis) -> None:
    await redis.xadd(STREAM, {"event_id": str(UUID(int=9)), "__data__": b"ghost"}, id="2-5")
    assert (await append(redis, await read(log, EntryId(2, 5)))).outcome is AppendOutcome.DIVERGED


async def test_an_empty_stream_is_filled_over_a_jump_without_the_lost_future(log: Pool, redis: Redis) -> None:
    await begin_epoch(log, 2, 4)
    await redis.delete(STREAM)
    await append(redis, await read(log, EntryId(0, 0)))
    assert await ids(redis) == [*FORK, "2-4", "2-5"]
