"""Every answer of the script that puts events onto a stream, each against a real server."""

import random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from contracts.streams import EntryId, stream_name
from infrastructure.log_batches import LogBatch, read_batches
from infrastructure.postgres import Pool
from infrastructure.stream_writer import AppendAnswer, AppendOutcome, append_batches, locate_streams
from tests.oracle import read_entries
from tests.relay.events import append_event
from tests.roots import root_in
from tests.unguarded import unguard

SHARD = 3
STREAM = stream_name(SHARD)


@pytest.fixture
async def log(pool: Pool, randomness: random.Random) -> Pool:
    """Six events at the positions 1 to 6 of the shard."""
    root = root_in(SHARD, randomness)
    for generation in range(1, 7):
        await append_event(pool, root, generation, randomness)
    return pool


async def read(pool: Pool, after: int, limit: int = 100, max_bytes: int = 1_000_000, epoch: int = 1) -> LogBatch:
    [batch] = await read_batches(pool, {SHARD: EntryId(epoch, after)}, limit=limit, max_bytes=max_bytes)
    return batch


async def append(redis: Redis, batch: LogBatch) -> AppendAnswer:
    [answer] = await append_batches(redis, [batch])
    return answer


async def ids(redis: Redis) -> list[str]:
    return [entry_id.decode() for entry_id, _ in await read_entries(redis, SHARD)]


async def test_a_batch_is_cut_by_count(log: Pool) -> None:
    batch = await read(log, 1, limit=2)
    assert (batch.ids, batch.predecessor_id, batch.is_cut, batch.has_hole) == (["1-2", "1-3"], "1-1", True, False)


async def test_a_batch_is_cut_by_bytes_but_never_empty(log: Pool) -> None:
    assert (await read(log, 0, max_bytes=450)).ids == ["1-1", "1-2"]
    assert (await read(log, 0, max_bytes=1)).ids == ["1-1"]
    assert (await read(log, 0, max_bytes=1)).is_cut


async def test_reading_at_the_head_names_the_predecessor(log: Pool) -> None:
    batch = await read(log, 6)
    assert (batch.ids, batch.predecessor_id, batch.is_cut, batch.is_at_floor) == ([], "1-6", False, False)


async def test_reading_past_the_head_finds_no_predecessor(log: Pool) -> None:
    assert (await read(log, 7)).predecessor_id == ""


async def test_an_empty_stream_begins_at_the_floor_of_the_log(log: Pool, redis: Redis) -> None:
    batch = await read(log, 0)
    assert await append(redis, batch) == AppendAnswer(AppendOutcome.APPENDED, EntryId(1, 6), "")
    entries = await read_entries(redis, SHARD)
    assert [entry_id for entry_id, _ in entries] == [f"1-{n}".encode() for n in range(1, 7)]
    assert [fields for _, fields in entries] == [
        {b"event_id": event_id.encode(), b"__data__": envelope}
        for event_id, envelope in zip(batch.event_ids, batch.envelopes, strict=True)
    ]


async def test_an_empty_stream_begins_at_a_floor_above_zero(log: Pool, redis: Redis) -> None:
    await log.execute(
        "UPDATE log.floors f SET position = 4, event_id = e.event_id FROM log.events e"
        " WHERE f.shard = $1 AND e.shard = $1 AND e.position = 4",
        SHARD,
    )
    assert (await append(redis, await read(log, 0))).outcome is AppendOutcome.APPENDED
    assert await ids(redis) == ["1-5", "1-6"]


async def trim_recorded(pool: Pool, position: int) -> None:
    """Record that the stream was trimmed up to a position."""
    await pool.execute(
        "UPDATE log.stream_floors f SET position = e.position, event_id = e.event_id FROM log.events e"
        " WHERE f.shard = $1 AND e.shard = $1 AND e.position = $2",
        SHARD,
        position,
    )


async def test_an_emptied_stream_begins_where_it_was_trimmed(log: Pool, redis: Redis) -> None:
    await trim_recorded(log, 4)
    assert (await append(redis, await read(log, 6))).outcome is AppendOutcome.REWIND
    batch = await read(log, 0)
    assert (batch.start, batch.is_at_floor, batch.predecessor_id) == (4, True, "1-4")
    assert await append(redis, batch) == AppendAnswer(AppendOutcome.APPENDED, EntryId(1, 6), "")
    assert await ids(redis) == ["1-5", "1-6"]


@pytest.mark.parametrize("after", [3, 5])
async def test_a_stream_that_never_held_anything_begins_nowhere_but_at_its_floor(
    log: Pool, redis: Redis, after: int
) -> None:
    await trim_recorded(log, 4)
    assert (await append(redis, await read(log, after))).outcome is AppendOutcome.REWIND
    assert await ids(redis) == []


async def test_a_stream_put_back_to_before_it_was_trimmed_is_filled_from_its_end(log: Pool, redis: Redis) -> None:
    await append(redis, await read(log, 0, limit=2))
    await trim_recorded(log, 4)
    assert (await append(redis, await read(log, 2))).outcome is AppendOutcome.APPENDED
    assert await ids(redis) == [f"1-{n}" for n in range(1, 7)]


async def test_a_log_that_was_cut_above_the_floor_of_its_stream_is_where_the_stream_begins(
    log: Pool, redis: Redis
) -> None:
    await trim_recorded(log, 2)
    await log.execute(
        "UPDATE log.floors f SET position = 4, event_id = e.event_id FROM log.events e"
        " WHERE f.shard = $1 AND e.shard = $1 AND e.position = 4",
        SHARD,
    )
    await unguard(log)
    await log.execute("DELETE FROM log.events WHERE shard = $1 AND position <= 4", SHARD)
    assert (await append(redis, await read(log, 0))).outcome is AppendOutcome.APPENDED
    assert await ids(redis) == ["1-5", "1-6"]


async def test_a_repeated_call_adds_nothing(log: Pool, redis: Redis) -> None:
    batch = await read(log, 0)
    await append(redis, batch)
    assert await append(redis, batch) == AppendAnswer(AppendOutcome.APPENDED, EntryId(1, 6), "")
    assert len(await ids(redis)) == 6


async def test_an_overlapping_batch_adds_only_what_is_missing(log: Pool, redis: Redis) -> None:
    await append(redis, await read(log, 0, limit=4))
    assert (await append(redis, await read(log, 2))).last == EntryId(1, 6)
    assert await ids(redis) == [f"1-{n}" for n in range(1, 7)]


async def test_a_batch_without_events_only_compares(log: Pool, redis: Redis) -> None:
    await append(redis, await read(log, 0))
    assert await append(redis, await read(log, 6)) == AppendAnswer(AppendOutcome.APPENDED, EntryId(1, 6), "")


async def test_a_stream_that_lost_its_tail_says_where_to_go_on(log: Pool, redis: Redis) -> None:
    await append(redis, await read(log, 0, limit=2))
    assert await append(redis, await read(log, 4)) == AppendAnswer(AppendOutcome.REWIND, EntryId(1, 2), "")
    assert await ids(redis) == ["1-1", "1-2"]


async def test_a_deleted_stream_is_to_be_filled_from_the_start(log: Pool, redis: Redis) -> None:
    assert await append(redis, await read(log, 4)) == AppendAnswer(AppendOutcome.REWIND, EntryId(0, 0), "")
    assert not await redis.exists(STREAM)


async def test_a_stream_made_for_a_consumer_group_is_as_good_as_none(log: Pool, redis: Redis) -> None:
    await redis.xgroup_create(STREAM, "somebody", id="0", mkstream=True)
    assert (await append(redis, await read(log, 4))).outcome is AppendOutcome.REWIND
    assert (await append(redis, await read(log, 0))).outcome is AppendOutcome.APPENDED


async def test_a_stream_behind_which_the_batch_ends_is_ahead(log: Pool, redis: Redis) -> None:
    await append(redis, await read(log, 0))
    assert await append(redis, await read(log, 1, limit=2)) == AppendAnswer(AppendOutcome.AHEAD, EntryId(1, 6), "")


async def test_a_stream_trimmed_to_nothing_keeps_its_place(log: Pool, redis: Redis) -> None:
    await append(redis, await read(log, 0, limit=4))
    await redis.xtrim(STREAM, minid="1-9", approximate=False)
    assert (await append(redis, await read(log, 4))).outcome is AppendOutcome.APPENDED
    assert await ids(redis) == ["1-5", "1-6"]


@pytest.mark.parametrize("after", [4, 2])
async def test_the_same_id_with_another_event_id_diverges(log: Pool, redis: Redis, after: int) -> None:
    await append(redis, await read(log, 0, limit=3))
    ghost = UUID(int=7)
    await redis.xadd(STREAM, {"event_id": str(ghost), "__data__": b"ghost"}, id="1-4")
    answer = await append(redis, await read(log, after))
    assert (answer.outcome, answer.last) == (AppendOutcome.DIVERGED, EntryId(1, 4))
    assert str(ghost) in answer.detail
    assert (await ids(redis))[-1] == "1-4"


@pytest.mark.parametrize("after", [4, 2])
async def test_the_same_position_in_another_epoch_diverges(log: Pool, redis: Redis, after: int) -> None:
    batch = await read(log, 0)
    await append(redis, await read(log, 0, limit=3))
    await redis.xadd(STREAM, {"event_id": batch.event_ids[3], "__data__": batch.envelopes[3]}, id="2-4")
    answer = await append(redis, await read(log, after))
    assert (answer.outcome, answer.last) == (AppendOutcome.DIVERGED, EntryId(2, 4))
    assert "1-4" in answer.detail


@pytest.mark.parametrize("entry", ["1-4", "1-7", "*", f"{2**31}-4"])
async def test_an_entry_that_no_log_has_written_is_a_strangers(log: Pool, redis: Redis, entry: str) -> None:
    await redis.xadd(STREAM, {"hello": "world"}, id=entry)
    answers = [await append(redis, await read(log, 4)), *await locate_streams(redis, [SHARD])]
    assert [answer.outcome for answer in answers] == [AppendOutcome.STRANGE] * 2
    assert "which no log has written" in answers[0].detail


async def test_a_stream_that_lacks_its_end_is_strange_because_ids_cannot_be_given_again(
    log: Pool, redis: Redis
) -> None:
    await append(redis, await read(log, 0))
    await redis.xdel(STREAM, "1-5", "1-6")
    answer = await append(redis, await read(log, 6))
    assert (answer.outcome, answer.detail) == (
        AppendOutcome.STRANGE,
        "entries after 1-4 were deleted from the stream",
    )


async def test_a_key_of_another_type_is_refused_while_other_shards_go_on(
    log: Pool, redis: Redis, randomness: random.Random
) -> None:
    await append_event(log, root_in(5, randomness), 1, randomness)
    await redis.set(STREAM, "no stream")
    answers = await append_batches(
        redis, await read_batches(log, dict.fromkeys([SHARD, 5], EntryId(0, 0)), limit=9, max_bytes=9999)
    )
    assert [answer.outcome for answer in answers] == [AppendOutcome.REFUSED, AppendOutcome.APPENDED]
    assert answers[0].detail == f"another key (string) stands at {STREAM}: delete or rename it"
    assert [answer.outcome for answer in await locate_streams(redis, [SHARD])] == [AppendOutcome.REFUSED]


async def test_streams_tell_where_they_end(log: Pool, redis: Redis) -> None:
    await append(redis, await read(log, 0))
    answers = await locate_streams(redis, [SHARD, 4])
    assert [answer.last for answer in answers] == [EntryId(1, 6), EntryId(0, 0)]


async def test_a_script_that_the_server_forgot_is_loaded_again(log: Pool, redis: Redis) -> None:
    await redis.script_flush()
    assert (await append(redis, await read(log, 0))).outcome is AppendOutcome.APPENDED
