"""Retention: the old part of the log goes to the archive when nobody needs it, and nobody waits meanwhile."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from contracts.streams import stream_name
from infrastructure.postgres import Pool
from infrastructure.readers import register_reader
from infrastructure.stream_repair import find_damage
from infrastructure.stream_trimming import Retention, read_streams
from infrastructure.upkeep import read_runs
from outbox_relay.keeping import KeepingDependencies, create_keeping
from outbox_relay.services.keep_retention import archive_once
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.relay.conftest import RelayStarter
from tests.relay.events import append_event
from tests.relay.readers import take
from tests.relay.test_groups import SHARD, append
from tests.relay.test_mended_streams import mending_relay
from tests.relay.trimming import carry, first, floor
from tests.roots import root_in
from tests.servers import TEST_SHARDS
from tests.unguarded import unguard

_NOW_AT = "UPDATE log.{} SET position = CASE WHEN shard = $1 THEN 999990 ELSE 999999 END, event_id = gen_random_uuid()"
_OLD = "UPDATE log.events SET recorded_at = recorded_at - interval '10 days' WHERE position <= 999999"


def keeping(pool: Pool, redis: Redis, *, days: int = 7) -> KeepingDependencies:
    return create_keeping(pool, redis, Retention(log_days=days), lambda: None)


@pytest.fixture
async def old_log(pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random) -> Pool:
    """A log whose first partition ends with 9 old events of one shard, with 26 new ones behind it; all are applied."""
    for table in ("floors", "stream_floors"):
        await pool.execute(_NOW_AT.format(table), SHARD)
    for shard in {*range(TEST_SHARDS)} - {SHARD}:
        await append_event(pool, root_in(shard, randomness), 1, randomness)
    await carry(pool, redis, relay, 20, randomness)
    await unguard(pool)
    await pool.execute(_OLD)
    await pool.execute(
        "INSERT INTO read.checkpoints (projection, version, shard, epoch, position)"
        " SELECT 'slow', 1, n, 1, 1000010 FROM generate_series(0, $1) n",
        TEST_SHARDS - 1,
    )
    return pool


async def counts(pool: Pool) -> tuple[int, int]:
    """Return the number of events in the log and in the archive."""
    in_log: int = await pool.fetchval("SELECT count(*) FROM log.events")
    archived: int = await pool.fetchval("SELECT count(*) FROM log_archive.events")
    return in_log, archived


async def words(pool: Pool) -> str:
    return next(run.words for run in await read_runs(pool) if run.job == "log archiving")


async def test_a_partition_that_nobody_needs_goes_to_the_archive_and_the_line_goes_on(
    old_log: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await archive_once(keeping(old_log, redis))
    assert await counts(old_log) == (26, 9)
    assert (await floor(old_log)).position == 999_999
    run = next(run for run in await read_runs(old_log) if run.job == "log archiving")
    assert (run.done, run.total) == (1, 1)
    await carry(old_log, redis, relay, 5, randomness)
    assert await find_differences(old_log, redis) == []
    await redis.flushdb()
    await carry(old_log, redis, relay, 5, randomness)
    assert await first(redis) == "1-1000000"
    assert await find_differences(old_log, redis) == []
    await archive_once(keeping(old_log, redis))
    assert await counts(old_log) == (36, 9)
    assert "events_000001 stays: " in await words(old_log)


async def _slow_projection(pool: Pool) -> object:
    return await pool.execute("UPDATE read.checkpoints SET position = 999998 WHERE shard = $1", SHARD)


async def _version_being_built(pool: Pool) -> object:
    return await pool.execute("INSERT INTO read.checkpoints SELECT 'slow', 2, $1, 1, 0", SHARD)


async def _rebuild_that_begins(pool: Pool) -> object:
    return await pool.execute("INSERT INTO read.projections (projection, version, building) VALUES ('slow', 1, 2)")


async def _slow_reader(pool: Pool) -> object:
    return await register_reader(pool, "index", from_now=False)


async def _no_projection(pool: Pool) -> object:
    return await pool.execute("DELETE FROM read.checkpoints")


async def _young_event(pool: Pool) -> object:
    return await pool.execute("UPDATE log.events SET recorded_at = now() WHERE position = 999999")


async def _shard_behind(pool: Pool) -> object:
    await pool.execute("UPDATE log.floors SET position = 7 WHERE shard = 0")
    return await pool.execute("DELETE FROM log.events WHERE shard = 0")


async def _parked(pool: Pool) -> object:
    return await pool.execute(
        "INSERT INTO read.parked_events SELECT 'slow', 1, shard, position, epoch, event_id, event_type, workspace_id,"
        " aggregate_kind, aggregate_id, generation, root_id, recorded_at, envelope FROM log.events"
        " WHERE position = 999991"
    )


async def _lost_future(pool: Pool) -> object:
    return await pool.execute("INSERT INTO log.epochs (shard, epoch, first_position) VALUES ($1, 2, 999995)", SHARD)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_slow_projection, "projection slow version 1 is at position 999998 of shard 3"),
        (_version_being_built, "projection slow version 2 is at position 0 of shard 3"),
        (_rebuild_that_begins, "projection slow is about to be rebuilt"),
        (_slow_reader, "reader index is at position 999990 of shard 3"),
        (_no_projection, "no projection has run yet"),
        (_young_event, "shard 3 has an event of"),
        (_shard_behind, "shard 0 is at position 7"),
        (_parked, "projection slow has parked events there"),
        (_lost_future, "projection slow version 1 is at position 999994 of shard 3"),
    ],
)
async def test_what_somebody_still_needs_stays_in_the_log_and_status_says_who(
    old_log: Pool, redis: Redis, make: Callable[[Pool], Awaitable[object]], reason: str
) -> None:
    await make(old_log)
    await archive_once(keeping(old_log, redis))
    assert (await counts(old_log))[1] == 0
    assert (await words(old_log)).startswith(f"events_000000 stays: {reason}")


async def test_what_the_streams_do_not_have_yet_stays_in_the_log(old_log: Pool, redis: Redis) -> None:
    own = keeping(old_log, redis)
    streams = await read_streams(redis, [SHARD])
    behind = {SHARD: streams[SHARD]._replace(last=streams[SHARD].last._replace(position=999_995))}
    assert (await own.archive_log(behind)).words.endswith("the stream of shard 3 ends at position 999995")
    another = {SHARD: streams[SHARD]._replace(last_event="another")}
    assert (await own.archive_log(another)).words.endswith("the stream of shard 3 does not end as the log has it")
    assert await counts(old_log) == (35, 0)


async def test_commands_go_on_while_a_partition_is_detached(
    old_log: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    is_over = asyncio.Event()

    async def write(own: random.Random) -> int:
        written = 0
        while not is_over.is_set():
            await append(old_log, 5, own)
            written += 5
        return written

    writers = [asyncio.create_task(write(random.Random(number))) for number in range(3)]
    try:
        await archive_once(keeping(old_log, redis))
        assert (await counts(old_log))[1] == 9
    finally:
        is_over.set()
    written = sum(await asyncio.gather(*writers))
    assert await counts(old_log) == (26 + written, 9)
    await carry(old_log, redis, relay, 1, randomness)
    assert await find_differences(old_log, redis) == []


async def test_a_copy_of_a_stream_that_ends_before_the_log_begins_is_filled_anew(
    old_log: Pool, redis: Redis, randomness: random.Random
) -> None:
    name = stream_name(SHARD)
    old: Any = await redis.xrange(name, max="1-999995")
    await register_reader(old_log, "index", from_now=True)
    await archive_once(keeping(old_log, redis))
    assert (await floor(old_log)).position == 999_999
    await redis.delete(name)
    for entry_id, fields in old:
        await redis.xadd(name, fields, id=entry_id)
    await redis.xgroup_create(name, "index", id=old[2][0])
    assert [damage.is_mendable for damage in await find_damage(old_log, redis, [SHARD])] == [True]
    async with mending_relay(old_log, redis) as lines:
        await append(old_log, 3, randomness)
        await poll_until(lambda: has_caught_up(old_log, redis), timeout=20)
    assert await find_differences(old_log, redis) == []
    assert await first(redis) == "1-1000000"
    assert (await take(redis, "index", SHARD, 1)) == [b"1-1000000"]
    told = [line["damage"] for line in lines if "filling it anew" in line["event"]]
    assert told == ["the stream ends with 1-999995, and the log begins after position 999999"]


async def test_two_that_archive_at_once_do_it_once(old_log: Pool, redis: Redis) -> None:
    await asyncio.gather(*(archive_once(keeping(old_log, redis)) for _ in range(3)))
    assert await counts(old_log) == (26, 9)


@pytest.mark.faults
@pytest.mark.parametrize("reached", ["cut", "detached"])
async def test_what_was_cut_off_is_finished_by_the_next_call(
    old_log: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random, reached: str
) -> None:
    assert await old_log.fetchval("SELECT log.cut_log(999999, 7, '{}', '{}', '{}')") == ""
    if reached == "detached":
        await old_log.execute("ALTER TABLE log.events DETACH PARTITION log.events_000000 CONCURRENTLY")
    await carry(old_log, redis, relay, 2, randomness)
    assert await find_differences(old_log, redis) == []
    await archive_once(keeping(old_log, redis))
    assert await counts(old_log) == (28, 9)


@pytest.mark.faults
async def test_a_detaching_that_was_killed_while_it_waited_is_finished_by_the_next_call(
    old_log: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending"
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE % CONCURRENTLY'"
    async with old_log.acquire() as reader, reader.transaction():
        await reader.fetch("SELECT FROM log.events LIMIT 1")  # somebody reads: detaching waits for the end of it
        archiving = asyncio.create_task(archive_once(keeping(old_log, redis)))
        await poll_until(lambda: old_log.fetchval(pending))
        await append(old_log, 1, randomness)  # nobody else waits
        await old_log.fetch(kill)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
            await archiving
    await archive_once(keeping(old_log, redis))
    assert await counts(old_log) == (27, 9)
    async with relay():
        await poll_until(lambda: has_caught_up(old_log, redis))
    assert await find_differences(old_log, redis) == []
