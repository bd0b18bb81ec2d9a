"""`bureau streams` against real servers: what is damaged, and a stream that holds what is not the log's."""

import json
import random
import subprocess
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from contracts.streams import stream_name
from infrastructure.postgres import open_pool
from infrastructure.redis_client import open_redis
from outbox_relay.records import ShardCondition
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.relay.conftest import start_relay
from tests.relay.events import append_event
from tests.roots import root_in
from tests.runtime.command_line import bureau

SHARD = 7
REFILL, BUMP = f"`bureau streams refill {SHARD}`", "`bureau epoch bump`"
SET_LAST_ID = "return redis.call('XSETID', KEYS[1], '1-99')"

type Harm = Callable[[Redis], Awaitable[object]]

HARMS: dict[str, tuple[Harm, str]] = {
    "an entry of the clock": (lambda redis: redis.xadd(stream_name(SHARD), {"a": "b"}), REFILL),
    "an entry without our fields": (lambda redis: redis.xadd(stream_name(SHARD), {"a": "b"}, id="1-6"), REFILL),
    "the last id set": (
        lambda redis: redis.eval(SET_LAST_ID, 1, stream_name(SHARD)),
        REFILL,
    ),
    "an event of another log": (
        lambda redis: redis.xadd(stream_name(SHARD), {"event_id": "other", "__data__": "{}"}, id="1-6"),
        BUMP,
    ),
}


def streams(database_url: str, redis_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    return bureau("streams", *arguments, "--directory", "/nonexistent", environment=environment)


async def carry(database_url: str, redis_url: str, events: int) -> None:
    """Append so many events to the shard and have them carried."""
    randomness = random.Random(events)
    pool = await open_pool(database_url, size=2, application_name="streams test")
    root = root_in(SHARD, randomness)
    async with open_redis(redis_url) as redis, start_relay(database_url, redis_url):
        for generation in range(1, events + 1):
            await append_event(pool, root, generation, randomness)
        await poll_until(lambda: has_caught_up(pool, redis))
    await pool.close()


async def test_damage_is_shown_and_whole_streams_are_whole(database_url: str, redis_url: str) -> None:
    await carry(database_url, redis_url, 5)
    whole = streams(database_url, redis_url, "check", "--json")
    assert (whole.returncode, json.loads(whole.stdout)) == (0, {"damaged": []}), whole.stderr
    async with Redis.from_url(redis_url) as redis:
        await redis.xdel(stream_name(SHARD), "1-3")
    damaged = streams(database_url, redis_url, "check", "--json")
    words = "1 entries between 1-1 and 1-5 are missing"
    assert json.loads(damaged.stdout) == {"damaged": [{"shard": SHARD, "damage": words, "is_mendable": True}]}
    assert damaged.returncode == 1
    assert "the relay" in streams(database_url, redis_url, "check").stdout


async def test_a_stream_with_a_strangers_entry_is_filled_anew(database_url: str, redis_url: str) -> None:
    await carry(database_url, redis_url, 5)
    async with Redis.from_url(redis_url) as redis:
        await redis.xadd(stream_name(SHARD), {"event_id": "ghost", "__data__": b"{}"}, id="1-6")
        refused = streams(database_url, redis_url, "refill", str(SHARD))
        assert (refused.returncode, await redis.xlen(stream_name(SHARD))) == (2, 6)
        done = streams(database_url, redis_url, "refill", str(SHARD), "--yes", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"shard": SHARD, "entries_removed": 6, "begins_after": 0}, done.stderr
        assert "events 1 to 5" in done.stderr.replace("\n", " ")
        assert "`bureau epoch show`" in done.stderr.replace("\n", " ")
        pool = await open_pool(database_url, size=2, application_name="streams test")
        async with start_relay(database_url, redis_url):
            await poll_until(lambda: has_caught_up(pool, redis))
        assert await find_differences(pool, redis) == []
        await pool.close()


async def test_another_key_in_a_streams_place_is_named_everywhere_and_its_owners_to_delete(
    database_url: str, redis_url: str
) -> None:
    await carry(database_url, redis_url, 5)
    words = f"another key (string) stands at {stream_name(SHARD)}: delete or rename it"
    pool = await open_pool(database_url, size=2, application_name="streams test")
    async with Redis.from_url(redis_url) as redis:
        await redis.set(stream_name(SHARD), "boo")
        checked = streams(database_url, redis_url, "check", "--json")
        assert json.loads(checked.stdout) == {"damaged": [{"shard": SHARD, "damage": words, "is_mendable": False}]}
        assert checked.returncode == 1
        refused = streams(database_url, redis_url, "refill", str(SHARD), "--yes")
        assert (refused.returncode, await redis.get(stream_name(SHARD))) == (1, b"boo")
        assert words in refused.stderr.replace("\n", " ")
        environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        verified = bureau("verify", "--patience", "0", "--directory", "/nonexistent", environment=environment)
        assert (verified.returncode, f"stream.other_key shard {SHARD}: {words}" in verified.stdout) == (1, True)

        async with start_relay(database_url, redis_url) as relay:

            async def waits() -> bool:
                state = relay.status.shards.get(SHARD)
                return state is not None and (state.condition, state.error) == (ShardCondition.WAITING, words)

            await poll_until(waits)
            await redis.delete(stream_name(SHARD))
            await poll_until(lambda: has_caught_up(pool, redis))
    await pool.close()


@pytest.mark.parametrize(("harm", "first"), HARMS.values(), ids=HARMS.keys())
async def test_a_stopped_relay_names_both_cures_the_likelier_first(
    database_url: str, redis_url: str, harm: Harm, first: str
) -> None:
    await carry(database_url, redis_url, 5)
    async with Redis.from_url(redis_url) as redis, start_relay(database_url, redis_url) as relay:
        await harm(redis)

        async def is_stopped() -> bool:
            state = relay.status.shards.get(SHARD)
            return state is not None and state.condition is ShardCondition.STOPPED

        await poll_until(is_stopped)
        error = relay.status.shards[SHARD].error
        second = REFILL if first == BUMP else BUMP
        assert -1 < error.find(first) < error.find(second), error


@pytest.mark.parametrize(("shard", "words"), [("3", "has no stream"), ("16", "they go from 0 to 15")])
def test_a_stream_that_is_not_there_is_one_clear_line(
    database_url: str, redis_url: str, shard: str, words: str
) -> None:
    refused = streams(database_url, redis_url, "refill", shard, "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert words in refused.stderr
