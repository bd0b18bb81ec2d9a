"""The query API on this test's own servers."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from asgi_lifespan import LifespanManager
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, open_redis
from infrastructure.settings import Settings
from query_api.application import create_application
from tests.polling import poll_until
from tests.query.cached import dependencies_of
from tests.query.world import WORKSPACE, World, positions_of

__all__ = ["open_world"]


@contextlib.asynccontextmanager
async def open_world(database_url: str, redis_url: str) -> AsyncIterator[World]:
    pool = await open_pool(database_url, size=4, application_name="test")
    redis = open_redis(redis_url)
    api_key = new_api_key()
    await store_api_key(pool, api_key, workspace_id=WORKSPACE, name="test")
    settings = Settings(
        database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), secret_key=SecretStr("s" * 32)
    )
    application = create_application(settings)
    headers = {"Authorization": f"Bearer {api_key}"}
    async with (
        LifespanManager(application) as manager,
        AsyncClient(transport=ASGITransport(manager.app), base_url="http://bureau", headers=headers) as client,
    ):
        yield World(application, client, pool, redis)
    await redis.aclose()
    await pool.close()


@pytest.fixture
async def world(database_url: str, redis_url: str) -> AsyncIterator[World]:
    async with open_world(database_url, redis_url) as opened:
        await poll_until(positions_of(opened).is_listening.is_set, what="the query API listens")
        yield opened


@pytest.fixture
async def pool(world: World) -> Pool:
    return world.pool


@pytest.fixture
async def redis(world: World) -> RedisClient:
    return world.redis


@pytest.fixture(params=["both levels", "the shared level"])
def levels(request: pytest.FixtureRequest) -> None:
    """Every rule holds for the cache as a whole, and where another process asks first."""
    if request.param == "both levels" or "world" not in request.fixturenames:
        return
    world: World = request.getfixturevalue("world")
    dependencies = dependencies_of(world)
    nothing = dependencies.local._replace(version=lambda _: None)
    world.application.state.query_dependencies = replace(dependencies, local=nothing)
