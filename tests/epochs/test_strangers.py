"""Another database behind the same Redis: its relay touches no stream, and its read models hold nothing but its own."""

import random
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from infrastructure.line_positions import read_stream_heads
from infrastructure.postgres import Pool, open_pool
from tests.epochs.running import stopped_shards
from tests.fold import find_unfolded, has_applied_everything
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.projectors.conftest import start_projectors
from tests.projectors.stories import write_tasks
from tests.relay.conftest import start_relay
from tests.servers import TEST_SHARDS, Servers, clone_database, drop_database

SHARDS = range(TEST_SHARDS)


@pytest.fixture
def strange_url(servers: Servers) -> Iterator[str]:
    url = clone_database(servers)
    yield url
    drop_database(servers.admin_url, urlsplit(url).path.removeprefix("/"))


@pytest.fixture
async def stranger(strange_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(strange_url, size=4, application_name="epochs test")
    yield opened
    await opened.close()


@pytest.mark.parametrize("tasks", [30, 150])
async def test_a_relay_of_another_database_stops_every_shard_and_appends_nothing(
    pool: Pool,
    stranger: Pool,
    redis: Redis,
    database_url: str,
    strange_url: str,
    redis_url: str,
    randomness: random.Random,
    tasks: int,
) -> None:
    await write_tasks(pool, randomness, 80)
    await write_tasks(stranger, randomness, tasks)
    async with start_relay(database_url, redis_url) as own:
        await poll_until(lambda: has_caught_up(pool, redis), timeout=30)
        published = await read_stream_heads(redis, SHARDS)
        assert all(entry.position for entry in published.values())
        async with start_relay(strange_url, redis_url) as other, start_projectors(strange_url, redis_url):
            await poll_until(lambda: stopped_shards(other).keys() == set(SHARDS), timeout=30)
            await poll_until(lambda: has_applied_everything(stranger), timeout=30)
            assert await find_unfolded(stranger) == []
            assert await read_stream_heads(redis, SHARDS) == published
            await write_tasks(pool, randomness, 20)
            await poll_until(lambda: has_caught_up(pool, redis), timeout=30)
        assert not stopped_shards(own)
    assert await find_differences(pool, redis) == []
