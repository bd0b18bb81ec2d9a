"""Alembic's environment: asynchronous, the schemas `write`, `log` and `read`, partitions left to the database."""

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from infrastructure.postgres import sqlalchemy_url
from infrastructure.settings import Settings
from infrastructure.tables import METADATA

SCHEMAS = ("write", "log", "read")
_PARTITION = re.compile(r"events_[0-9]{6}")


def _is_ours(name: str | None, kind: str, parents: MutableMapping[Any, str | None]) -> bool:
    """Leave out schemas of others and the partitions of the log, which the database makes itself."""
    if kind == "schema":
        return name in SCHEMAS
    is_partition = (
        kind == "table" and parents.get("schema_name") == "log" and _PARTITION.fullmatch(name or "") is not None
    )
    return not is_partition


def _migrate(connection: Connection) -> None:
    """Run in one transaction a migration on a connection that is there already."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_schemas=True,
        include_name=_is_ours,
        transaction_per_migration=True,
        version_table_schema="public",
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect_and_migrate(url: str) -> None:
    """Open one connection, migrate over it and close it."""
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


def _database_url() -> str:
    """Return the address that the caller set, or else the environment's."""
    configured = context.config.attributes.get("database_url")
    return sqlalchemy_url(configured or Settings().database_url.get_secret_value())


asyncio.run(_connect_and_migrate(_database_url()))
