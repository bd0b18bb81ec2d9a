"""Bounds of trimming: the limit that a reader who lags runs into, and streams that are not as the log has them."""

import asyncio
import random

from redis.asyncio import Redis
from structlog.testing import capture_logs

from contracts.streams import EntryId, stream_name
from infrastructure.postgres import Pool
from infrastructure.readers import read_reader_standings, register_reader, save_reader_positions
from infrastructure.stream_trimming import read_floors, read_streams, trim_streams
from outbox_relay.services.keep_trimmed import keep_trimmed, trim_once
from tests.polling import poll_until
from tests.relay.conftest import RelayStarter
from tests.relay.readers import take
from tests.relay.test_groups import KEY, SHARD, register
from tests.relay.trimming import carry, first, floor, keeping


async def test_a_reader_is_told_of_before_the_limit_bites_and_what_it_missed_is_counted(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await register(pool, redis)
    await carry(pool, redis, relay, 81, randomness)
    own = keeping(pool, redis, keep=10, limit=100)
    assert await trim_once(own) == {KEY}
    assert (await floor(pool)).position == 0
    await carry(pool, redis, relay, 39, randomness)
    assert await trim_once(own) == {KEY}
    assert (await floor(pool)).position == 20
    await carry(pool, redis, relay, 5, randomness)
    await trim_once(own)
    (standing,) = [row for row in await read_reader_standings(pool) if row.key == KEY]
    assert (standing.missed, standing.lag) == (25, 125)
    assert (await take(redis, "index", SHARD, 1)) == [b"1-26"]


async def test_the_log_tells_once_of_a_reader_that_lags_too_far(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await register(pool, redis)
    await carry(pool, redis, relay, 9, randomness)
    stop = asyncio.Event()
    with capture_logs() as lines:
        running = asyncio.create_task(keep_trimmed(keeping(pool, redis, limit=10), stop))
        await poll_until(lambda: lines)
        stop.set()
        await running
    assert [(line["reader"], line["shard"], line["log_level"]) for line in lines] == [("index", SHARD, "warning")]


async def test_a_stream_that_does_not_end_as_the_log_has_it_is_left_alone(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await carry(pool, redis, relay, 10, randomness)
    await redis.xadd(stream_name(SHARD), {"event_id": "a ghost", "__data__": "{}"}, id="1-11")
    await trim_once(keeping(pool, redis))
    assert (await floor(pool), await first(redis)) == (EntryId(1, 0), "1-1")


async def test_what_a_reader_took_in_a_lost_future_is_not_counted_as_read(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await register(pool, redis)
    await carry(pool, redis, relay, 4, randomness)
    await save_reader_positions(pool, {KEY: EntryId(1, 9)})
    await pool.execute("INSERT INTO log.epochs (shard, epoch, first_position) VALUES ($1, 2, 5)", SHARD)
    await carry(pool, redis, relay, 4, randomness)
    await trim_once(keeping(pool, redis))
    assert (await floor(pool), await first(redis)) == (EntryId(1, 4), "2-5")


async def test_what_a_reader_took_in_a_lost_future_does_not_keep_it_from_being_told_late(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await register(pool, redis)
    await carry(pool, redis, relay, 4, randomness)
    await save_reader_positions(pool, {KEY: EntryId(1, 900)})
    await pool.execute("INSERT INTO log.epochs (shard, epoch, first_position) VALUES ($1, 2, 5)", SHARD)
    await carry(pool, redis, relay, 90, randomness)
    assert await trim_once(keeping(pool, redis, keep=10, limit=100)) == {KEY}


async def test_a_long_stream_is_cut_in_steps_to_the_entry(redis: Redis, pool: Pool) -> None:
    pipeline = redis.pipeline(transaction=False)
    for position in range(1, 25_001):
        pipeline.xadd(stream_name(SHARD), {"event_id": "e"}, id=f"1-{position}")
    await pipeline.execute()
    streams = await read_streams(redis, range(16))
    floors = [each._replace(entry=EntryId(1, 23_456)) for each in await read_floors(pool)]
    assert await trim_streams(redis, floors, streams) == 23_456
    assert await first(redis) == "1-23457"
    assert await trim_streams(redis, floors, await read_streams(redis, range(16))) == 0


async def test_whoever_registers_while_the_floor_is_raised_is_never_behind_it(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await carry(pool, redis, relay, 60, randomness)
    for number in range(1, 13):
        own = keeping(pool, redis, keep=60 - 4 * number)
        await asyncio.gather(trim_once(own), register_reader(pool, f"reader {number}", from_now=False))
        at = await floor(pool)
        standings = [row for row in await read_reader_standings(pool) if row.key.shard == SHARD]
        assert all(row.entry >= at and not row.missed for row in standings)
        await pool.execute("DELETE FROM log.readers")
