"""What the tests of epochs share: a line at rest."""

import random

import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool
from tests.epochs.line import OTHER, Line


@pytest.fixture
async def line(pool: Pool, redis: Redis, randomness: random.Random) -> Line:
    made = Line(pool, redis, randomness)
    await made.append(20)
    await made.append(5, OTHER)
    await made.carry()
    return made
