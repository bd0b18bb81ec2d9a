"""The relay's loop against real servers: followed, repaired, stopped loudly, and never in doubt about the rest."""

import asyncio
import itertools
import random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from contracts.streams import WAKE_CHANNEL, shard_of, stream_name
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis
from outbox_relay.records import ShardCondition
from tests.oracle import find_differences, has_caught_up, read_entries
from tests.polling import let_pass, poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey
from tests.relay.conftest import RelayStarter, RunningRelay, start_relay
from tests.relay.events import append_event, append_many
from tests.roots import root_in
from tests.servers import TEST_SHARDS


async def caught_up(pool: Pool, redis: Redis) -> None:
    await poll_until(lambda: has_caught_up(pool, redis), timeout=20, what="every stream at the head of its shard")


async def write_slowly(pool: Pool, randomness: random.Random, events: int, writers: int = 4) -> None:
    """Append events one by one from several writers at once, each with roots of its own."""

    async def write(own: random.Random) -> None:
        roots = [UUID(int=own.getrandbits(128)) for _ in range(6)]
        for number in range(events // writers):
            await append_event(pool, roots[number % 6], number // 6 + 1, own)

    await asyncio.gather(*(write(random.Random(randomness.random())) for _ in range(writers)))


def condition_of(running: RunningRelay, shard: int) -> ShardCondition | None:
    state = running.status.shards.get(shard)
    return state.condition if state else None


async def test_a_backlog_is_carried_in_order(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await append_many(pool, 5000, randomness)
    async with relay():
        await caught_up(pool, redis)
    assert await find_differences(pool, redis) == []


async def test_large_events_pass_the_bound_on_bytes(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await append_many(pool, 6, randomness, roots=2, size=3_000_000)
    async with relay():
        await caught_up(pool, redis)
    assert await find_differences(pool, redis) == []


async def test_two_relays_at_once_carry_each_event_once(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    async with relay(), relay():
        await write_slowly(pool, randomness, 800)
        await caught_up(pool, redis)
    assert await find_differences(pool, redis) == []


@pytest.mark.parametrize("damage", ["delete", "flush"])
async def test_streams_that_were_emptied_are_refilled(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random, damage: str
) -> None:
    await append_many(pool, 3000, randomness)
    async with relay():
        await caught_up(pool, redis)
        if damage == "flush":
            await redis.flushdb()
        else:
            await redis.delete(*(stream_name(shard) for shard in range(0, TEST_SHARDS, 2)))
        await caught_up(pool, redis)
    assert await find_differences(pool, redis) == []


async def test_after_trimming_to_nothing_only_what_is_new_is_appended_and_the_rest_is_missing(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    root = root_in(2, randomness)
    async with relay():
        for generation in range(1, 4):
            await append_event(pool, root, generation, randomness)
        await caught_up(pool, redis)
        await redis.xtrim(stream_name(2), maxlen=0, approximate=False)
        await append_event(pool, root, 4, randomness)
        await caught_up(pool, redis)
    assert [entry_id for entry_id, _ in await read_entries(redis, 2)] == [b"1-4"]
    [difference] = await find_differences(pool, redis)
    assert difference.startswith("stream.missing ")


async def test_a_stream_put_back_to_an_older_copy_is_refilled(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    name = stream_name(1)
    root = root_in(1, randomness)
    async with relay():
        for generation in range(1, 20):
            await append_event(pool, root, generation, randomness)
        await caught_up(pool, redis)
        older = await redis.dump(name)
        assert older
        for generation in range(20, 40):
            await append_event(pool, root, generation, randomness)
        await caught_up(pool, redis)
        await redis.restore(name, 0, older, replace=True)
        assert (await redis.xinfo_stream(name))["last-generated-id"] == b"1-19"
        await caught_up(pool, redis)
    assert await find_differences(pool, redis) == []


@pytest.mark.parametrize("ghost_id", ["1-4", "2-4", "1-9", "3-1"])
async def test_a_ghost_stops_its_shard_while_others_go_on(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random, ghost_id: str
) -> None:
    haunted, other = root_in(7, randomness), root_in(8, randomness)
    async with relay() as running:
        for generation in range(1, 4):
            await append_event(pool, haunted, generation, randomness)
        await caught_up(pool, redis)
        await redis.xadd(stream_name(7), {"event_id": "ghost", "__data__": b"{}"}, id=ghost_id)
        await append_event(pool, haunted, 4, randomness)
        await append_event(pool, other, 1, randomness)
        await poll_until(lambda: condition_of(running, 7) is ShardCondition.STOPPED)
        await poll_until(lambda: redis.exists(stream_name(8)))
        assert running.status.shards[7].error
        assert (await read_entries(redis, 7))[-1][0] == ghost_id.encode()
        await redis.delete(stream_name(7))
        await caught_up(pool, redis)
        await poll_until(lambda: condition_of(running, 7) is ShardCondition.FOLLOWING)
    assert await find_differences(pool, redis) == []


async def test_a_ghost_on_a_quiet_stream_is_noticed_without_a_new_event(redis: Redis, relay: RelayStarter) -> None:
    async with relay() as running:
        await poll_until(lambda: condition_of(running, 0) is ShardCondition.FOLLOWING)
        await redis.xadd(stream_name(0), {"event_id": "ghost", "__data__": b"{}"}, id="1-1")
        await poll_until(lambda: condition_of(running, 0) is ShardCondition.STOPPED)
        assert condition_of(running, 1) is ShardCondition.FOLLOWING


async def test_a_refused_shard_waits_and_goes_on(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await redis.set(stream_name(4), "no stream")
    async with relay() as running:
        await append_event(pool, root_in(4, randomness), 1, randomness)
        await poll_until(lambda: condition_of(running, 4) is ShardCondition.WAITING)
        await redis.delete(stream_name(4))
        await caught_up(pool, redis)
    assert await find_differences(pool, redis) == []


async def test_a_full_redis_makes_shards_wait_and_loses_nothing(
    pool: Pool, private_valkey: PrivateValkey, database_url: str, randomness: random.Random
) -> None:
    async with (
        open_redis(private_valkey.redis_url) as redis,
        start_relay(database_url, private_valkey.redis_url) as running,
    ):
        await redis.config_set("maxmemory", "1")
        await append_many(pool, 500, randomness)
        await poll_until(
            lambda: ShardCondition.WAITING in {state.condition for state in running.status.shards.values()}
        )
        await redis.config_set("maxmemory", "0")
        await caught_up(pool, redis)
        assert await find_differences(pool, redis) == []


async def test_redis_that_dies_and_comes_back_empty_is_refilled(
    pool: Pool, private_valkey: PrivateValkey, database_url: str, randomness: random.Random
) -> None:
    async with start_relay(database_url, private_valkey.redis_url) as running:
        await append_many(pool, 1000, randomness)
        async with open_redis(private_valkey.redis_url) as redis:
            await caught_up(pool, redis)
        private_valkey.kill()
        await append_many(pool, 500, randomness)
        await poll_until(lambda: running.status.trouble.startswith("redis"))
        await asyncio.to_thread(private_valkey.restart_empty)
        async with open_redis(private_valkey.redis_url) as redis:
            await caught_up(pool, redis)
            assert await find_differences(pool, redis) == []
        await poll_until(lambda: not running.status.trouble)


async def test_postgresql_that_is_killed_and_comes_back_is_followed_again(
    private_postgres: PrivatePostgres, redis_url: str, redis: Redis, randomness: random.Random
) -> None:
    pool = await open_pool(private_postgres.database_url, size=4, application_name="relay test")
    async with start_relay(private_postgres.database_url, redis_url) as running:
        await append_many(pool, 1000, randomness)
        await caught_up(pool, redis)
        await asyncio.to_thread(private_postgres.kill)
        await poll_until(lambda: running.status.trouble.startswith("postgresql"))
        await asyncio.to_thread(private_postgres.start)
        await pool.expire_connections()
        await poll_until(lambda: not running.status.trouble, timeout=20)
        await append_many(pool, 500, randomness)
        await caught_up(pool, redis)
    assert await find_differences(pool, redis) == []
    pool.terminate()


async def test_a_wake_up_beats_the_idle_poll(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    root = root_in(6, randomness)
    async with relay() as running:
        await poll_until(lambda: condition_of(running, 6) is ShardCondition.FOLLOWING)
        await poll_until(lambda: _is_subscribed(redis))
        took = []
        for generation in itertools.count(1):
            await let_pass(0.25)  # the relay becomes idle
            started = asyncio.get_running_loop().time()
            await append_event(pool, root, generation, randomness)
            await redis.publish(WAKE_CHANNEL, str(shard_of(root, TEST_SHARDS)))
            await poll_until(lambda: has_caught_up(pool, redis))
            took.append(asyncio.get_running_loop().time() - started)
            if generation == 9:
                break
    assert sorted(took)[len(took) // 2] < 0.1


async def _is_subscribed(redis: Redis) -> bool:
    [(_, subscribers)] = await redis.pubsub_numsub(WAKE_CHANNEL)
    return bool(subscribers)
