"""What the write path's tests share: seeded randomness, pools, and a server that notes when each commit came."""

import random
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bureau.embedded import PostgresConfig, start_postgres
from infrastructure.postgres import Pool, open_pool
from tests.private_servers import PrivatePostgres


@pytest.fixture
def randomness() -> random.Random:
    return random.Random(20261123)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, size=12, application_name="write path test")
    yield opened
    await opened.close()


@pytest.fixture
def noting_postgres(server_directory: Path, private_postgres_seed: Path) -> Iterator[PrivatePostgres]:
    home = server_directory / "postgres"
    shutil.copytree(private_postgres_seed, home, symlinks=True)
    settings = (("track_commit_timestamp", "on"),)
    server = PrivatePostgres([start_postgres(PostgresConfig(home, is_fast=True, settings=settings))])
    yield server
    server.kill()


@pytest.fixture
async def noting_pool(noting_postgres: PrivatePostgres) -> AsyncIterator[Pool]:
    opened = await open_pool(noting_postgres.database_url, size=16, application_name="write path test")
    yield opened
    await opened.close()
