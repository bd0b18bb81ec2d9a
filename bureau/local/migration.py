"""The step before every start: the schema brought to its newest revision and the bootstrap API key stored."""

import asyncio
import time
from urllib.parse import urlsplit

from bureau.errors import CommandFailedError
from bureau.local.reasons import reason_of
from infrastructure.api_keys import store_api_key
from infrastructure.postgres import is_connection_error, open_pool

__all__ = ["DEFAULT_WORKSPACE", "database_place", "prepare_database"]

DEFAULT_WORKSPACE = "default"
_PAUSE_SECONDS = 0.25


def prepare_database(database_url: str, *, shards: int, api_key: str, wait_seconds: float) -> None:
    """Migrate and store the key (if one is given), trying for `wait_seconds` to reach the server. Safe to repeat.

    Raises CommandFailedError.
    """
    from migrations.runner import migrate_database

    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            migrate_database(database_url, shards=shards)
            asyncio.run(_store_key(database_url, api_key))
        except Exception as error:
            if is_connection_error(error) and time.monotonic() < deadline:
                time.sleep(_PAUSE_SECONDS)
                continue
            message = f"cannot migrate the database at {database_place(database_url)}: {reason_of(error)}"
            raise CommandFailedError(message) from error
        return


async def _store_key(database_url: str, api_key: str) -> None:
    if not api_key:
        return
    pool = await open_pool(database_url, size=1, application_name="bureau migrate")
    try:
        await store_api_key(pool, api_key, workspace_id=DEFAULT_WORKSPACE, name="bootstrap")
    finally:
        await pool.close()


def database_place(database_url: str) -> str:
    """Return the address without its user and password."""
    parts = urlsplit(database_url)
    return f"{parts.hostname}:{parts.port or 5432}{parts.path}"
