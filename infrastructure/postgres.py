"""Connections to PostgreSQL: the asyncpg pool that every process holds.

Every session has bounds on transactions, so that nothing of ours holds a snapshot or a lock for long.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import asyncpg

__all__ = [
    "Connection",
    "Pool",
    "is_connection_error",
    "is_database_error",
    "is_refused_value",
    "is_schema_missing",
    "open_pool",
    "sqlalchemy_url",
]

type Pool = asyncpg.Pool[asyncpg.Record]

type Connection = asyncpg.Connection[asyncpg.Record]

_SESSION: Final = {
    "transaction_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "10s",
    "timezone": "UTC",
    "jit": "off",
}

_CONNECTION_ERRORS: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.TooManyConnectionsError,
    ConnectionError,
    TimeoutError,
    OSError,
)


class _Connection(asyncpg.Connection):
    """A connection that is not reset between uses: the reset is a round trip, and nobody leaves any state behind.

    What is set is set for a transaction, and locks of a session are given back (`infrastructure.session_locks`).
    """

    def get_reset_query(self) -> str:
        """Return no statement."""
        return ""


async def open_pool(
    database_url: str,
    *,
    size: int,
    application_name: str,
    is_durable: bool = True,
    on_connect: Callable[[Connection], Coroutine[Any, Any, None]] | None = None,
) -> Pool:
    """Return a pool that connects when it is first used; `is_durable` false gives up commits that a crash may lose.

    What `on_connect` raises refuses a new connection, to whoever wanted to use it.
    The server need not be there yet: a process starts, answers /health, and is ready when the database is.
    """
    durability = "on" if is_durable else "off"
    pool = asyncpg.create_pool(
        database_url,
        min_size=0,
        max_size=size,
        max_inactive_connection_lifetime=300,
        command_timeout=30,
        timeout=5,
        connection_class=_Connection,
        init=on_connect,
        server_settings={**_SESSION, "application_name": application_name, "synchronous_commit": durability},
    )
    return await pool


def sqlalchemy_url(database_url: str) -> str:
    """Return the address in SQLAlchemy's form, with its asyncpg driver."""
    return database_url.replace("postgresql://", "postgresql+asyncpg://", 1).replace(
        "postgres://", "postgresql+asyncpg://", 1
    )


# Classes of SQLSTATE: data exception, integrity constraint violation, program limit exceeded (a key too long to index).
_REFUSED_VALUES: Final = frozenset({"22", "23", "54"})


def is_refused_value(error: BaseException) -> bool:
    """Tell whether an error is about the values of a statement, which no repetition will make acceptable."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in _REFUSED_VALUES
    # The driver's word for an argument that it cannot encode is an InterfaceError too, and not `asyncpg.DataError`.
    return isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)


def is_connection_error(error: BaseException) -> bool:
    """Tell whether an error means that the server was out of reach, so that the same call may go through later."""
    if isinstance(error, asyncio.CancelledError) or is_refused_value(error):
        return False
    return isinstance(error, _CONNECTION_ERRORS)


def is_database_error(error: BaseException) -> bool:
    """Tell whether an error came from the database or from the way there, whatever it is about."""
    return isinstance(error, (asyncpg.PostgresError, *_CONNECTION_ERRORS))


def is_schema_missing(error: BaseException) -> bool:
    """Tell whether the database lacks what a migration would have made."""
    return isinstance(
        error,
        (
            asyncpg.UndefinedTableError,
            asyncpg.UndefinedColumnError,
            asyncpg.UndefinedFunctionError,
            asyncpg.InvalidSchemaNameError,
        ),
    )
