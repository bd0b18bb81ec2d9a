"""The tables of later versions: defined like those of version 1, in a schema of their own, out of Alembic's sight.

They are made with their keys only: the other indexes come when the bulk is in, which is quicker than keeping them.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from infrastructure.postgres import Pool
from infrastructure.read_versions import FIRST_VERSION, READ_SCHEMA, ReadVersion
from infrastructure.tables import METADATA

__all__ = ["drop_sql", "make_indexes", "make_tables", "measure_tables"]

_INDEX_SECONDS: Final = 24 * 3600.0


def _define(version: ReadVersion, name: str) -> Table:
    """Return the definition of a table in the version's schema."""
    return METADATA.tables[f"{READ_SCHEMA}.{name}"].to_metadata(MetaData(), schema=version.schema)


def _sql(element: DDLElement) -> str:
    """Return a definition as PostgreSQL's SQL."""
    return str(element.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped


async def make_tables(pool: Pool, version: ReadVersion, names: Sequence[str]) -> None:
    """Make schema and tables that are missing; those that are there stay."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {version.schema}")
        for name in names:
            await connection.execute(_sql(CreateTable(_define(version, name), if_not_exists=True)))


async def make_indexes(pool: Pool, version: ReadVersion, names: Sequence[str]) -> None:
    """Make the indexes that are missing, each in a transaction of its own, and read the planner's statistics.

    A long one holds a snapshot for as long as it takes, about a second for a million rows.
    """
    for name in names:
        for index in sorted(_define(version, name).indexes, key=lambda index: str(index.name)):
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("SET LOCAL transaction_timeout = 0")
                await connection.execute(_sql(CreateIndex(index, if_not_exists=True)), timeout=_INDEX_SECONDS)
        await pool.execute(f"ANALYZE {version.schema}.{name}")


def drop_sql(version: ReadVersion, names: Sequence[str]) -> str:
    """Return the statement that drops a version's tables; those of version 1 are emptied, as Alembic keeps them."""
    if version.version == FIRST_VERSION:
        return f"TRUNCATE {', '.join(f'{version.schema}.{name}' for name in names)}"
    return f"DROP SCHEMA IF EXISTS {version.schema} CASCADE"


async def measure_tables(pool: Pool, version: ReadVersion, names: Sequence[str]) -> int:
    """Return the bytes that a version's tables take with their indexes; 0 where they are not there."""
    size: int = await pool.fetchval(
        "SELECT coalesce(sum(pg_total_relation_size(to_regclass(name))), 0)::bigint FROM unnest($1::text[]) AS name",
        [f"{version.schema}.{name}" for name in names],
    )
    return size
