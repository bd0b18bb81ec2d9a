"""A whole line at rest: log, write side, receipts, streams and read models that agree."""

from random import Random

import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool
from tests.verification.line import Line, make_line


@pytest.fixture
async def line(pool: Pool, redis: Redis, randomness: Random) -> Line:
    return await make_line(pool, redis, randomness)
