"""Doing something once with both servers of the running service, or else with those of the settings."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from bureau.commands.settings import load_settings
from bureau.errors import CommandFailedError
from bureau.local import database_place, read_runtime
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, open_redis

__all__ = ["run_on_servers"]

type Work[Result] = Callable[[Pool, RedisClient], Awaitable[Result]]


def run_on_servers[Result](directory: Path, purpose: str, work: Work[Result]) -> Result:
    """Return what the work returns; raises CommandFailedError, `cannot <purpose> …`, whatever it fails with."""
    runtime, settings = read_runtime(directory), load_settings()
    database_url = runtime.database_url if runtime else settings.database_url.get_secret_value()
    redis_url = runtime.redis_url if runtime else settings.redis_url.get_secret_value()
    try:
        return asyncio.run(_work(database_url, redis_url, work))
    except CommandFailedError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"cannot {purpose} with the database at {database_place(database_url)} and Redis: {reason}"
        raise CommandFailedError(message) from error


async def _work[Result](database_url: str, redis_url: str, work: Work[Result]) -> Result:
    pool = await open_pool(database_url, size=1, application_name="bureau")
    redis = open_redis(redis_url)
    try:
        return await work(pool, redis)
    finally:
        await redis.aclose()
        await pool.close()
