"""Connections to Redis or Valkey."""

from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = ["RedisClient", "is_redis_error", "is_redis_out_of_reach", "open_redis"]

type RedisClient = Redis

_CONNECT_SECONDS: Final = 2.0


def open_redis(redis_url: str, *, socket_timeout: float = 5.0, max_connections: int = 20) -> RedisClient:
    """Return a client that answers bytes; it connects when first used, and never repeats a call by itself."""
    return Redis.from_url(
        redis_url,
        decode_responses=False,
        socket_timeout=socket_timeout,
        socket_connect_timeout=_CONNECT_SECONDS,
        max_connections=max_connections,
        retry=Retry(NoBackoff(), 0),
    )


def is_redis_out_of_reach(error: BaseException) -> bool:
    """Tell whether an error says that nobody could be asked, rather than anything about what was asked."""
    return isinstance(error, RedisConnectionError | RedisTimeoutError | OSError)


def is_redis_error(error: BaseException) -> bool:
    """Tell whether an error came from Redis or from the way to it."""
    return isinstance(error, RedisError | OSError | TimeoutError)
