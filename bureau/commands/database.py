"""Doing something with the database of a service: of the one that runs from a directory, or of the settings."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from bureau.commands.settings import load_settings
from bureau.errors import CommandFailedError
from bureau.local import database_place, read_runtime
from infrastructure.postgres import Pool, is_database_error, open_pool

__all__ = ["run_on_database"]


def run_on_database[Result](directory: Path, name: str, work: Callable[[Pool], Awaitable[Result]]) -> Result:
    """Return what comes of the work, done under a name that the database shows; raises CommandFailedError."""
    runtime = read_runtime(directory)
    url = runtime.database_url if runtime else load_settings().database_url.get_secret_value()
    try:
        return asyncio.run(_work(url, name, work))
    except Exception as error:
        if not is_database_error(error):
            raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"cannot use the database at {database_place(url)}: {reason}; see `bureau status`"
        raise CommandFailedError(message) from error


async def _work[Result](url: str, name: str, work: Callable[[Pool], Awaitable[Result]]) -> Result:
    pool = await open_pool(url, size=1, application_name=name)
    try:
        return await work(pool)
    finally:
        pool.terminate()
