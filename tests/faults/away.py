"""What is raised while a server is being struck."""

import asyncpg
from redis.exceptions import RedisError

__all__ = ["AWAY"]

AWAY = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    RedisError,
)
