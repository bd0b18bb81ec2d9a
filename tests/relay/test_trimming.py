"""Streams are trimmed behind whoever reads them: the floor first, then the stream, and nothing that is still wanted."""

import random

import pytest
from redis.asyncio import Redis

from contracts.streams import EntryId, stream_name
from infrastructure.consumer_groups import read_groups
from infrastructure.postgres import Pool
from infrastructure.readers import read_reader_standings
from infrastructure.stream_trimming import raise_floors, read_streams
from infrastructure.upkeep import read_runs
from outbox_relay.services.keep_groups import keep_groups_once
from outbox_relay.services.keep_trimmed import trim_once
from tests.oracle import find_differences
from tests.polling import poll_until
from tests.relay.conftest import RelayStarter
from tests.relay.processes import relay_process
from tests.relay.readers import acknowledge, take
from tests.relay.test_groups import KEY, SHARD, append, register
from tests.relay.trimming import carry, first, floor, keeping


async def set_checkpoint(pool: Pool, position: int) -> None:
    await pool.execute(
        "INSERT INTO read.checkpoints (projection, version, shard, epoch, position) VALUES ('slow', 1, $1, 1, $2)"
        " ON CONFLICT (projection, version, shard) DO UPDATE SET position = excluded.position",
        SHARD,
        position,
    )


async def test_as_many_as_are_kept_stay_where_nobody_reads(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await carry(pool, redis, relay, 20, randomness)
    await trim_once(keeping(pool, redis, keep=30))
    assert await first(redis) == "1-1"
    await trim_once(keeping(pool, redis, keep=5))
    assert (await floor(pool), await first(redis)) == (EntryId(1, 15), "1-16")
    assert await redis.xlen(stream_name(SHARD)) == 5
    (run,) = await read_runs(pool)
    assert (run.job, run.done, run.total) == ("stream trimming", 15, 15)
    assert await find_differences(pool, redis) == []


async def test_the_slowest_of_projections_and_readers_holds_trimming_back(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await register(pool, redis)
    await carry(pool, redis, relay, 20, randomness)
    await set_checkpoint(pool, 12)
    own = keeping(pool, redis)
    ids = await take(redis, "index", SHARD, 8)
    await acknowledge(redis, "index", SHARD, ids[:6])
    for expected in (0, 6):  # where the group was when it was noted last, then where it is
        await trim_once(own)
        assert (await floor(pool)).position == expected
        await keep_groups_once(own)
    await acknowledge(redis, "index", SHARD, [*ids, *await take(redis, "index", SHARD, 12)])
    await keep_groups_once(own)
    await trim_once(own)
    assert (await floor(pool), await first(redis)) == (EntryId(1, 12), "1-13")
    await set_checkpoint(pool, 20)
    await trim_once(own)
    assert (await floor(pool), await first(redis)) == (EntryId(1, 19), "1-20")


async def test_a_reader_that_is_removed_holds_nothing_back_any_more(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await register(pool, redis)
    await carry(pool, redis, relay, 10, randomness)
    await trim_once(keeping(pool, redis))
    assert (await floor(pool)).position == 0
    await pool.execute("DELETE FROM log.readers")
    await trim_once(keeping(pool, redis))
    assert (await floor(pool)).position == 9


async def test_a_crash_between_the_floor_and_the_cut_loses_nothing_and_is_made_up_for(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await carry(pool, redis, relay, 10, randomness)
    own = keeping(pool, redis, keep=4)
    await raise_floors(pool, await read_streams(redis, [SHARD]), own.retention)  # and there it was killed
    assert (await floor(pool), await first(redis)) == (EntryId(1, 6), "1-1")
    assert await find_differences(pool, redis) == []
    await trim_once(own)
    assert await first(redis) == "1-7"


async def test_a_redis_that_was_emptied_is_filled_from_the_floor_and_its_readers_miss_nothing(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await register(pool, redis)
    await carry(pool, redis, relay, 10, randomness)
    own = keeping(pool, redis)
    ids = await take(redis, "index", SHARD, 6)
    await acknowledge(redis, "index", SHARD, ids)
    await keep_groups_once(own)
    await trim_once(own)
    await redis.flushdb()
    await carry(pool, redis, relay, 2, randomness)
    assert await first(redis) == "1-7"
    await keep_groups_once(own)
    assert await take(redis, "index", SHARD, 20) == [f"1-{position}".encode() for position in range(7, 13)]
    assert await find_differences(pool, redis) == []


@pytest.mark.faults
@pytest.mark.slow
async def test_relays_killed_while_they_trim_and_a_redis_emptied_leave_a_reader_every_event_in_order(
    pool: Pool, redis: Redis, database_url: str, redis_url: str, randomness: random.Random
) -> None:
    await register(pool, redis)
    done: list[int] = []
    total = 0
    for kill in range(4):
        await append(pool, 60, randomness)
        total += 60
        goal = total - 20 if kill < 3 else total
        async with relay_process(database_url, redis_url, BUREAU_STREAM_KEEP="1") as process:

            async def has_read(goal: int = goal) -> bool:
                if await read_groups(redis, [KEY]):
                    ids = await take(redis, "index", SHARD, randomness.randrange(1, 9))
                    done.extend(int(each.partition(b"-")[2]) for each in ids)
                    await acknowledge(redis, "index", SHARD, ids)
                return bool(done) and max(done) >= goal

            async def has_trimmed(before: int = (await floor(pool)).position) -> bool:
                return (await floor(pool)).position > before

            await poll_until(has_read, timeout=30)
            await poll_until(has_trimmed, timeout=30)
            process.kill()
        if kill % 2:
            await redis.flushdb()
    seen = [position for number, position in enumerate(done) if position not in done[:number]]
    assert seen == list(range(1, total + 1))
    assert not any(row.missed for row in await read_reader_standings(pool))


async def test_a_version_that_does_not_serve_holds_nothing_back(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await carry(pool, redis, relay, 10, randomness)
    await set_checkpoint(pool, 3)
    await pool.execute("INSERT INTO read.projections (projection, version) VALUES ('slow', 2)")
    await pool.execute("INSERT INTO read.checkpoints SELECT 'slow', 2, $1, 1, 7", SHARD)
    await trim_once(keeping(pool, redis))
    assert (await floor(pool)).position == 7
