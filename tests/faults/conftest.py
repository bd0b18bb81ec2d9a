"""What the fault tests share: a pool, a client, seeded randomness."""

from collections.abc import AsyncIterator
from random import Random

import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis


@pytest.fixture
def randomness() -> Random:
    return Random(20261122)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, size=8, application_name="fault test")
    yield opened
    await opened.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with open_redis(redis_url) as client:
        yield client
