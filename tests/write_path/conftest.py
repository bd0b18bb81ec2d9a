"""What the write path's tests share: seeded randomness and pools."""

import random
from collections.abc import AsyncIterator

import pytest

from infrastructure.postgres import Pool, open_pool
from tests.private_servers import PrivatePostgres


@pytest.fixture
def randomness() -> random.Random:
    return random.Random(20261123)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, size=12, application_name="write path test")
    yield opened
    await opened.close()


@pytest.fixture
async def noting_pool(noting_postgres: PrivatePostgres) -> AsyncIterator[Pool]:
    opened = await open_pool(noting_postgres.database_url, size=16, application_name="write path test")
    yield opened
    await opened.close()
