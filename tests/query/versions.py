"""Versions of read models made by hand, as a rebuild leaves them."""

from infrastructure.postgres import Pool
from infrastructure.read_versions import ReadVersion

__all__ = ["make_version", "serve"]


async def make_version(pool: Pool, version: ReadVersion, *tables: str) -> None:
    """Give a version empty tables of its own and the checkpoints of version 1."""
    await pool.execute(f"CREATE SCHEMA {version.schema}")
    for table in tables:
        await pool.execute(f"CREATE TABLE {version.schema}.{table} (LIKE read.{table} INCLUDING ALL)")
    await pool.execute(
        "INSERT INTO read.checkpoints SELECT projection, $2, shard, epoch, position FROM read.checkpoints"
        " WHERE projection = $1 AND version = 1",
        *version,
    )


async def serve(pool: Pool, version: ReadVersion) -> None:
    """Point at a version and end the one before it, as the switch does."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO read.projections (projection, version) VALUES ($1, $2)"
            " ON CONFLICT (projection) DO UPDATE SET version = excluded.version",
            *version,
        )
        await connection.execute("DELETE FROM read.checkpoints WHERE projection = $1 AND version < $2", *version)
