"""Consumer groups of registered readers: where they stand is noted, and made again where they stood."""

import random

import pytest
from redis.asyncio import Redis

from contracts.streams import EntryId, stream_name
from infrastructure.consumer_groups import create_groups, destroy_groups, read_groups
from infrastructure.postgres import Pool
from infrastructure.readers import (
    GroupKey,
    read_reader_positions,
    read_reader_standings,
    register_reader,
    remove_reader,
    save_reader_positions,
)
from infrastructure.stream_trimming import Retention
from outbox_relay.keeping import KeepingDependencies, create_keeping
from outbox_relay.services.keep_groups import keep_groups_once
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.relay.conftest import RelayStarter
from tests.relay.events import append_event
from tests.relay.readers import acknowledge, take
from tests.roots import root_in
from tests.servers import TEST_SHARDS

SHARD = 3
KEY = GroupKey("index", SHARD)


@pytest.fixture
def keeping(pool: Pool, redis: Redis) -> KeepingDependencies:
    return create_keeping(pool, redis, Retention(), lambda: None)


async def append(pool: Pool, number: int, randomness: random.Random) -> None:
    root = root_in(SHARD, randomness)
    for generation in range(1, number + 1):
        await append_event(pool, root, generation, randomness)


async def register(pool: Pool, redis: Redis, reader: str = "index", *, from_now: bool = False) -> None:
    await register_reader(pool, reader, from_now=from_now)
    rows = await read_reader_positions(pool, reader=reader)
    await create_groups(redis, {row.key: row.entry for row in rows})


async def saved(pool: Pool) -> EntryId:
    (row,) = await read_reader_positions(pool, shards=[SHARD])
    return row.entry


async def test_a_position_is_before_the_first_pending_entry_or_else_the_last_delivered(redis: Redis) -> None:
    for position in range(1, 7):
        await redis.xadd(stream_name(SHARD), {"event_id": "e"}, id=f"1-{position}")
    assert await read_groups(redis, [KEY]) == {}
    assert await create_groups(redis, {KEY: EntryId(0, 0)}) == [KEY]
    assert await read_groups(redis, [KEY]) == {KEY: EntryId(0, 0)}
    ids = await take(redis, "index", SHARD, 4)
    assert await read_groups(redis, [KEY]) == {KEY: EntryId(1, 0)}
    await acknowledge(redis, "index", SHARD, [ids[0], ids[1], ids[3]])
    assert await read_groups(redis, [KEY]) == {KEY: EntryId(1, 2)}
    await acknowledge(redis, "index", SHARD, ids)
    assert await read_groups(redis, [KEY]) == {KEY: EntryId(1, 4)}


async def test_a_group_that_exists_stays_where_it_is(redis: Redis) -> None:
    await create_groups(redis, {KEY: EntryId(1, 5)})
    assert await create_groups(redis, {KEY: EntryId(0, 0)}) == []
    assert await read_groups(redis, [KEY]) == {KEY: EntryId(1, 5)}


async def test_groups_that_are_missing_are_destroyed_without_complaint(redis: Redis) -> None:
    await create_groups(redis, {KEY: EntryId(0, 0)})
    await destroy_groups(redis, "index", range(TEST_SHARDS))
    assert await read_groups(redis, [KEY]) == {}


async def test_a_reader_is_registered_once_at_the_floor_or_from_now(pool: Pool, randomness: random.Random) -> None:
    await append(pool, 5, randomness)
    assert await register_reader(pool, "index", from_now=False)
    assert not await register_reader(pool, "index", from_now=True)
    assert await register_reader(pool, "alerts", from_now=True)
    standings = {row.key: (row.entry, row.lag) for row in await read_reader_standings(pool)}
    assert len(standings) == 2 * TEST_SHARDS
    assert standings[KEY] == (EntryId(1, 0), 5)
    assert standings[GroupKey("alerts", SHARD)] == (EntryId(1, 5), 0)
    assert await remove_reader(pool, "index")
    assert not await remove_reader(pool, "index")


async def test_how_far_a_group_is_gets_noted_and_what_was_removed_stays_removed(
    pool: Pool, redis: Redis, relay: RelayStarter, keeping: KeepingDependencies, randomness: random.Random
) -> None:
    await append(pool, 5, randomness)
    await register(pool, redis)
    async with relay():
        await poll_until(lambda: has_caught_up(pool, redis))
        ids = await take(redis, "index", SHARD, 3)
        await acknowledge(redis, "index", SHARD, ids[:2])

        async def is_noted() -> bool:
            return await saved(pool) == EntryId(1, 2)

        await poll_until(is_noted)
    await remove_reader(pool, "index")
    await save_reader_positions(pool, {KEY: EntryId(1, 3)})
    await keep_groups_once(keeping)
    assert await read_reader_positions(pool) == []


async def test_groups_lost_with_redis_come_back_where_they_stood_and_give_what_was_pending_again(
    pool: Pool, redis: Redis, relay: RelayStarter, keeping: KeepingDependencies, randomness: random.Random
) -> None:
    await append(pool, 6, randomness)
    await register(pool, redis)
    async with relay():
        await poll_until(lambda: has_caught_up(pool, redis))
        ids = await take(redis, "index", SHARD, 4)
        await acknowledge(redis, "index", SHARD, ids[:2])
        await keep_groups_once(keeping)
        assert await saved(pool) == EntryId(1, 2)
        await redis.flushdb()
        await poll_until(lambda: has_caught_up(pool, redis))

        async def is_back() -> bool:
            return await read_groups(redis, [KEY]) == {KEY: EntryId(1, 2)}

        await poll_until(is_back)
        assert await take(redis, "index", SHARD, 9) == [b"1-3", b"1-4", b"1-5", b"1-6"]
    assert await find_differences(pool, redis) == []


async def test_a_group_made_again_before_its_stream_does_not_keep_the_relay_from_filling_it(
    pool: Pool, redis: Redis, relay: RelayStarter, keeping: KeepingDependencies, randomness: random.Random
) -> None:
    await append(pool, 4, randomness)
    await register_reader(pool, "index", from_now=False)
    await save_reader_positions(pool, {KEY: EntryId(1, 3)})
    await keep_groups_once(keeping)
    assert await read_groups(redis, [KEY]) == {KEY: EntryId(1, 3)}
    async with relay():
        await poll_until(lambda: has_caught_up(pool, redis))
    assert await take(redis, "index", SHARD, 9) == [b"1-4"]
    assert await find_differences(pool, redis) == []


async def test_a_reader_that_stood_in_a_lost_future_still_has_to_read_what_the_log_has_there(
    pool: Pool, randomness: random.Random
) -> None:
    await append(pool, 4, randomness)
    await register_reader(pool, "index", from_now=False)
    await save_reader_positions(pool, {KEY: EntryId(1, 9)})
    await pool.execute("INSERT INTO log.epochs (shard, epoch, first_position) VALUES ($1, 2, 5)", SHARD)
    await append(pool, 2, randomness)
    (standing,) = [row for row in await read_reader_standings(pool) if row.key == KEY]
    assert standing.lag == 2
