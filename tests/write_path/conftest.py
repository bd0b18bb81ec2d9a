"""What the write path's tests share: a pool of the server that notes when each transaction was committed."""

from collections.abc import AsyncIterator

import pytest

from infrastructure.postgres import Pool, open_pool
from tests.private_servers import PrivatePostgres


@pytest.fixture
async def noting_pool(noting_postgres: PrivatePostgres) -> AsyncIterator[Pool]:
    opened = await open_pool(noting_postgres.database_url, size=16, application_name="write path test")
    yield opened
    await opened.close()
