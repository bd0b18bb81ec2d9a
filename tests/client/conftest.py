"""The whole line for the client's tests."""

from collections.abc import AsyncIterator

import pytest

from client import BureauClient
from tests.client.service import Service, open_service


@pytest.fixture
async def service(database_url: str, redis_url: str) -> AsyncIterator[Service]:
    async with open_service(database_url, redis_url) as opened:
        yield opened


@pytest.fixture
def bureau(service: Service) -> BureauClient:
    return service.client
