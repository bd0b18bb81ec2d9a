"""Databases that no migration has seen."""

from collections.abc import Iterator
from random import SystemRandom

import asyncpg
import pytest

from tests.servers import Servers, drop_database, run_in_thread, with_database


async def _create(admin_url: str, name: str) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


@pytest.fixture
def empty_database_url(servers: Servers) -> Iterator[str]:
    name = f"bureau_empty_{SystemRandom().getrandbits(48):012x}"
    run_in_thread(lambda: _create(servers.admin_url, name))
    yield with_database(servers.admin_url, name)
    drop_database(servers.admin_url, name)
