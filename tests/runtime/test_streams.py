"""`bureau streams` against real servers: what is damaged, and a stream that holds what is not the log's."""

import json
import random
import subprocess

import pytest
from redis.asyncio import Redis

from contracts.streams import stream_name
from infrastructure.postgres import open_pool
from infrastructure.redis_client import open_redis
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.relay.conftest import start_relay
from tests.relay.events import append_event, root_in
from tests.runtime.command_line import bureau

SHARD = 7


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


@pytest.mark.parametrize(("shard", "words"), [("3", "has no stream"), ("16", "they go from 0 to 15")])
def test_a_stream_that_is_not_there_is_one_clear_line(
    database_url: str, redis_url: str, shard: str, words: str
) -> None:
    refused = streams(database_url, redis_url, "refill", shard, "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert words in refused.stderr
