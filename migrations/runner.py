"""Migrating a database: Alembic to the newest revision, then shards and partitions. Safe to repeat."""

import asyncio
import concurrent.futures
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config

from infrastructure.cluster_identity import read_identity, read_recorded_identity, record_identity

__all__ = ["ShardCountError", "alembic_config", "migrate_database"]

PARTITIONS_AHEAD = 2
_MIGRATION_LOCK = 1_112_888_662


class ShardCountError(RuntimeError):
    """The database was made with another number of shards; that number is fixed when it is created."""


def alembic_config(database_url: str) -> Config:
    """Return Alembic's configuration for a database, independent of the working directory."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["database_url"] = database_url
    return config


async def _prepare_log(database_url: str, shards: int) -> None:
    """Make the shards at the first run, check their number at later ones, and make partitions ahead of time."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        existing = await connection.fetchval("SELECT count(*) FROM log.floors")
        if existing not in (0, shards):
            message = f"this database has {existing} shards, not {shards}: set BUREAU_SHARDS={existing}"
            raise ShardCountError(message)
        if existing == 0:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO log.epochs (shard, epoch, first_position)"
                    " SELECT n, 1, 1 FROM generate_series(0, $1) n",
                    shards - 1,
                )
                for table in ("floors", "stream_floors"):
                    await connection.execute(
                        f"INSERT INTO log.{table} (shard, epoch) SELECT n, 1 FROM generate_series(0, $1) n",  # noqa: S608 - constants
                        shards - 1,
                    )
        await connection.execute("SELECT log.ensure_partitions($1)", PARTITIONS_AHEAD)
        if await read_recorded_identity(connection) is None:
            await record_identity(connection, await read_identity(connection), "first seen")
    finally:
        await connection.close()


async def _with_lock(database_url: str, shards: int) -> None:
    """Migrate while holding a session lock, so that several replicas may start at once."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _MIGRATION_LOCK)
        await asyncio.to_thread(command.upgrade, alembic_config(database_url), "head")
        await _prepare_log(database_url, shards)
    finally:
        await connection.close()


def migrate_database(database_url: str, *, shards: int) -> None:
    """Bring a database to the newest revision; works inside and outside an event loop.

    Raises ShardCountError, and asyncpg's errors where the server is out of reach.
    """
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(lambda: asyncio.run(_with_lock(database_url, shards))).result()
