"""Migrations of read models reach every version that there is."""

import asyncpg
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import create_async_engine

from infrastructure.postgres import sqlalchemy_url
from migrations.read_models import read_schemas
from tests.servers import run_in_thread


def test_a_migration_finds_the_tables_of_every_version_of_a_projection_and_no_others(database_url: str) -> None:
    async def find() -> list[str]:
        connection = await asyncpg.connect(database_url)
        for schema in ("read_tasks_v2", "read_tasks_v11", "read_task_detail_v2", "read_tasks_vx"):
            await connection.execute(f"CREATE SCHEMA {schema}")
        await connection.close()
        engine = create_async_engine(sqlalchemy_url(database_url), poolclass=sa.NullPool)
        async with engine.connect() as opened:
            return await opened.run_sync(_find)

    assert run_in_thread(find) == ["read", "read_tasks_v11", "read_tasks_v2"]


def _find(connection: sa.Connection) -> list[str]:
    with Operations.context(MigrationContext.configure(connection)):
        return read_schemas("tasks")
