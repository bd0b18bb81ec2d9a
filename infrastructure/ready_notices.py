"""Telling other processes that a task may be ready, and hearing notices from them: Redis channels, hints only.

The payload names the process that says it, which heard itself without Redis already. Whoever misses a hint finds the
task at its next look.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from contracts.streams import READY_CHANNEL
from infrastructure.hearing import hear
from infrastructure.identifiers import new_id
from infrastructure.redis_client import RedisClient

__all__ = ["listen_for_notices", "open_ready_notices"]

_PAUSE_SECONDS: Final = 0.02


async def _publish(redis: RedisClient, has_news: asyncio.Event, sender: bytes) -> None:
    """Publish one notice for however many came meanwhile; while Redis is down they are dropped."""
    while True:
        await has_news.wait()
        has_news.clear()
        with contextlib.suppress(Exception):
            await redis.publish(READY_CHANNEL, sender)
        # Under load one notice is enough for all that is submitted meanwhile: whoever hears it looks for everything.
        await asyncio.sleep(_PAUSE_SECONDS)


@asynccontextmanager
async def open_ready_notices(redis: RedisClient, on_notice: Callable[[], None]) -> AsyncIterator[Callable[[], None]]:
    """Yield the function that says: a task may be ready. It wakes this process at once and others through Redis."""
    has_news = asyncio.Event()
    sender = new_id().bytes

    def announce() -> None:
        on_notice()
        has_news.set()

    tasks = [
        asyncio.create_task(_publish(redis, has_news, sender)),
        asyncio.create_task(listen_for_notices(redis, READY_CHANNEL, on_notice, sender)),
    ]
    try:
        yield announce
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def listen_for_notices(redis: RedisClient, channel: str, on_notice: Callable[[], None], sender: bytes) -> None:
    """Call `on_notice` for each notice of others on the channel, and after each subscription, until cancelled."""

    def on_payload(payload: bytes | None) -> None:
        if payload != sender:
            on_notice()

    await hear(redis, channel, on_payload, f"notices on {channel}")
