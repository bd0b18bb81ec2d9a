"""Doing something once with the servers of the running service, or else with those of the settings.

Whatever a server answers - it is not there, a password is wrong, a right or the database or its schema is missing - is
one line that says what could not be done and why.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from bureau.commands.settings import load_settings
from bureau.errors import CommandFailedError
from bureau.local import database_place, read_runtime, reason_of
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, open_redis

__all__ = ["Purpose", "addresses_of", "run_on_database", "run_on_servers"]


class Purpose(NamedTuple):
    """Under which name the database shows the command, and what it is to do: `cannot <words> …` where it fails."""

    name: str
    words: str


def addresses_of(directory: Path) -> tuple[str, str]:
    """Return the addresses of the database and of Redis: of what runs from the directory, or else of the settings.

    Raises CommandFailedError where nothing runs from there and no setting says which database is meant.
    """
    if runtime := read_runtime(directory):
        return runtime.database_url, runtime.redis_url
    settings = load_settings()
    if "database_url" not in settings.model_fields_set:
        message = f"nothing runs from {directory}: start it with `bureau up`, or set DATABASE_URL and REDIS_URL"
        raise CommandFailedError(message)
    return settings.database_url.get_secret_value(), settings.redis_url.get_secret_value()


def run_on_database[Result](
    directory: Path, purpose: Purpose, work: Callable[[Pool], Awaitable[Result]], *, size: int = 1
) -> Result:
    """Return what the work returns; raises CommandFailedError, `cannot …`, whatever it fails with."""
    database_url, _ = addresses_of(directory)
    try:
        return asyncio.run(_with_database(database_url, purpose.name, work, size))
    except CommandFailedError:
        raise
    except Exception as error:
        message = f"cannot {purpose.words} in the database at {database_place(database_url)}: {reason_of(error)}"
        raise CommandFailedError(message) from error


def run_on_servers[Result](
    directory: Path, purpose: Purpose, work: Callable[[Pool, RedisClient], Awaitable[Result]]
) -> Result:
    """Return what the work returns; raises CommandFailedError, `cannot …`, whatever it fails with."""
    database_url, redis_url = addresses_of(directory)
    try:
        return asyncio.run(_with_servers(database_url, redis_url, purpose.name, work))
    except CommandFailedError:
        raise
    except Exception as error:
        place = database_place(database_url)
        message = f"cannot {purpose.words} with the database at {place} and Redis: {reason_of(error)}"
        raise CommandFailedError(message) from error


async def _with_database[Result](url: str, name: str, work: Callable[[Pool], Awaitable[Result]], size: int) -> Result:
    pool = await open_pool(url, size=size, application_name=name)
    try:
        return await work(pool)
    finally:
        pool.terminate()


async def _with_servers[Result](
    database_url: str, redis_url: str, name: str, work: Callable[[Pool, RedisClient], Awaitable[Result]]
) -> Result:
    redis = open_redis(redis_url)
    try:
        return await _with_database(database_url, name, lambda pool: work(pool, redis), 1)
    finally:
        await redis.aclose()
