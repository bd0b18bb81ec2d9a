"""What the projectors' tests share: projectors that run in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from infrastructure.cluster_identity import refuse_changed_cluster
from infrastructure.postgres import open_pool
from infrastructure.redis_client import open_redis
from projectors.main import create_followers, work
from projectors.reading import Session

type ProjectorStarter = Callable[[], AbstractAsyncContextManager[Session]]


@asynccontextmanager
async def start_projectors(database_url: str, redis_url: str, *, is_sharing: bool = False) -> AsyncIterator[Session]:
    """Run all projections with connections of their own until the block ends, in a fair share of the shards or all."""
    pool = await open_pool(
        database_url,
        size=4,
        application_name="projectors under test",
        is_durable=False,
        on_connect=refuse_changed_cluster,
    )
    leases = await open_pool(database_url, size=1, application_name="leases under test", is_durable=False)
    client = open_redis(redis_url)
    session = Session(redis_url, create_followers())
    working = asyncio.create_task(work(session, pool, client, leases if is_sharing else None))
    try:
        yield session
        assert not working.done(), working.exception()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await client.aclose()
        pool.terminate()
        leases.terminate()


@pytest.fixture
def projectors(database_url: str, redis_url: str) -> ProjectorStarter:
    return lambda: start_projectors(database_url, redis_url)
