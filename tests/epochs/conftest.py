"""What the tests of epochs share: a pool, a client and seeded randomness."""

import random
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis
from tests.epochs.line import OTHER, Line


@pytest.fixture
def randomness() -> random.Random:
    return random.Random(20261122)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, size=8, application_name="epochs test")
    yield opened
    await opened.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with open_redis(redis_url) as client:
        yield client


@pytest.fixture
async def line(pool: Pool, redis: Redis, randomness: random.Random) -> Line:
    made = Line(pool, redis, randomness)
    await made.append(20)
    await made.append(5, OTHER)
    await made.carry()
    return made
