"""Hearing what is published on a channel of Redis: hints, never promises, for whoever misses one looks by itself."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from infrastructure.redis_client import RedisClient, is_redis_error

__all__ = ["hear", "tell_change"]

_RETRY_SECONDS: Final = 0.5
_PING_SECONDS: Final = 10.0

_LOG = structlog.get_logger(__name__)


async def hear(redis: RedisClient, channel: str, on_payload: Callable[[bytes | None], None], what: str) -> None:
    """Call `on_payload` with each payload of a channel, until cancelled; a lost connection is made again.

    With None after each subscription: what was published before it was not heard. `what` is its name in the log.
    """
    is_down = False
    while True:
        try:
            async with redis.pubsub(ignore_subscribe_messages=False) as subscription:
                await subscription.subscribe(channel)
                while True:
                    message = await subscription.get_message(timeout=_PING_SECONDS)
                    if message is None:
                        await subscription.ping()
                    elif message["type"] == "subscribe":
                        is_down = tell_change(is_down=False, was_down=is_down, what=f"{what} are heard again")
                        on_payload(None)
                    elif message["type"] == "message":
                        on_payload(message["data"])
        except Exception as error:
            if not is_redis_error(error):
                raise
            away = f"{what} cannot be heard, polling goes on"
            is_down = tell_change(is_down=True, was_down=is_down, what=away, error=error)
        await asyncio.sleep(_RETRY_SECONDS)


def tell_change(*, is_down: bool, was_down: bool, what: str, error: Exception | None = None) -> bool:
    """Log a change of state, nothing otherwise; return the new state."""
    if is_down and not was_down:
        _LOG.warning(what, error=f"{type(error).__name__}: {error}")
    elif was_down and not is_down:
        _LOG.info(what)
    return is_down
