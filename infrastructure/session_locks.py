"""Locks that end with their session, so with their process: who does what only one may do at a time.

The connections of a pool are not reset between uses. So one on which it is not certain that the lock was given back is
ended, and the lock with it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from infrastructure.postgres import Pool

__all__ = ["LockedConnection", "hold_lock"]

type LockedConnection = PoolConnectionProxy[asyncpg.Record]

_TAKE: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_GIVE_BACK: Final = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"


@asynccontextmanager
async def hold_lock(pool: Pool, name: str) -> AsyncIterator[LockedConnection | None]:
    """Yield the connection that holds the lock of this name while the block lasts; None where another holds it."""
    async with pool.acquire() as connection:
        is_mine = await _ask(connection, _TAKE, name)
        try:
            yield connection if is_mine else None
        finally:
            if is_mine and not connection.is_closed():
                await _ask(connection, _GIVE_BACK, name)


async def _ask(connection: LockedConnection, statement: str, name: str) -> bool:
    """Take the lock or give it back; whatever keeps the answer away ends the connection."""
    try:
        answer: bool = await connection.fetchval(statement, name)
    except BaseException:
        connection.terminate()
        raise
    return answer
