"""What the relay's tests share: relays that run in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from infrastructure.cluster_identity import admit_cluster
from infrastructure.postgres import open_pool
from infrastructure.redis_client import open_redis
from outbox_relay.board import Board
from outbox_relay.main import Wiring, share_log
from outbox_relay.records import RelayStatus

__all__ = ["RelayStarter", "RunningRelay", "start_relay"]


@dataclass(frozen=True, slots=True)
class RunningRelay:
    board: Board

    @property
    def status(self) -> RelayStatus:
        return self.board.newest[0]


type RelayStarter = Callable[[], AbstractAsyncContextManager[RunningRelay]]


@asynccontextmanager
async def start_relay(database_url: str, redis_url: str) -> AsyncIterator[RunningRelay]:
    """Run the relay's loop and its leases, with connections of its own, until the block ends."""
    redis = open_redis(redis_url)
    pool = await open_pool(
        database_url, size=4, application_name="relay under test", on_connect=partial(admit_cluster, redis)
    )
    board, wake, stop = Board(), asyncio.Event(), asyncio.Event()
    loop = asyncio.create_task(share_log(Wiring(pool, redis, board, wake), stop))
    try:
        yield RunningRelay(board)
    finally:
        stop.set()
        wake.set()
        await loop
        pool.terminate()
        await redis.aclose()


@pytest.fixture
def relay(database_url: str, redis_url: str) -> RelayStarter:
    return lambda: start_relay(database_url, redis_url)
