"""A running command API with its own database, a client with a stored key, and a pool to look at what was written."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from pydantic import SecretStr

from command_api.application import create_application
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool, open_pool
from infrastructure.settings import Settings
from tests.command_api.scenario import bearer

MAX_BODY_BYTES = 65_536


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr("a secret key of the tests, at least 32 characters"),
        max_body_bytes=MAX_BODY_BYTES,
        database_pool_size=6,
    )


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Pool]:
    pool = await open_pool(settings.database_url.get_secret_value(), size=2, application_name="command test")
    yield pool
    pool.terminate()


@pytest.fixture
async def api_key(store: Pool) -> str:
    key = new_api_key()
    await store_api_key(store, key, workspace_id="default", name="test")
    return key


@pytest.fixture
async def application(settings: Settings) -> AsyncIterator[FastAPI]:
    application = create_application(settings)
    async with LifespanManager(application, startup_timeout=10, shutdown_timeout=10):
        yield application


@pytest.fixture
async def command_client(application: FastAPI, api_key: str) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://bureau", headers=bearer(api_key)) as client:
        yield client


@pytest.fixture
async def replicas(settings: Settings, api_key: str) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """Yield clients of two applications."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            application = create_application(settings)
            await stack.enter_async_context(LifespanManager(application, startup_timeout=10, shutdown_timeout=10))
            client = httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=application), base_url="http://bureau", headers=bearer(api_key)
            )
            clients.append(await stack.enter_async_context(client))
        yield clients
