"""Fixtures for every test: real servers, a fresh database and an empty Redis for each test that asks.

`database_url`, `redis_url`, and `pool` and `redis` on them: this test's own. `private_postgres`, `private_valkey`:
servers that a test may kill; `noting_postgres` notes when each transaction was committed. `randomness` is seeded.
What outlives a test is made by synchronous fixtures that hand out addresses (see `tests.servers`).
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Protocol, cast
from urllib.parse import urlsplit

import hypothesis
import pytest
import structlog
from redis.asyncio import Redis

from bureau.embedded import PostgresConfig, ValkeyConfig, start_postgres, start_valkey
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis
from tests.private_servers import PrivatePostgres, PrivateValkey, prepare_private_postgres
from tests.servers import (
    Servers,
    clone_database,
    drop_database,
    flush_redis,
    make_server_directory,
    open_postgres_server,
    open_redis_server,
)


class _Node(Protocol):
    """An xdist worker as its controller sees it: the controller starts one PostgreSQL and tells each its address."""

    config: pytest.Config
    workerinput: dict[str, object]


_RESOURCES = pytest.StashKey[ExitStack]()
_POSTGRES = pytest.StashKey[tuple[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESOURCES] = ExitStack()
    # No example is judged by the clock on the wall: it says how busy the machine is.
    plain = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True)
    hypothesis.settings.register_profile("the same each time", plain, derandomize=True)
    # --hypothesis-profile=random, as `make faults` has it: others each time, and what fails is printed to be repeated.
    hypothesis.settings.register_profile("random", plain, derandomize=False)
    hypothesis.settings.load_profile("the same each time")
    # Not structlog's default, which draws tracebacks with every local variable: 20 s for one error.
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(processors=processors)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_RESOURCES].close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: _Node) -> None:
    node.workerinput["bureau_postgres"] = _shared_postgres(node.config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores, four at the most: tests wait for servers much of their time."""
    return min(4, 1 + (os.cpu_count() or 1))


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    given = cast("dict[str, object]", getattr(pytestconfig, "workerinput", {}))
    shared = cast("tuple[str, str] | None", given.get("bureau_postgres"))
    admin_url, template = shared or _shared_postgres(pytestconfig)
    worker_number = int(str(given.get("workerid", "gw0")).removeprefix("gw"))
    with open_redis_server(worker_number) as redis_url:
        yield Servers(admin_url, template, redis_url)


@pytest.fixture
def database_url(servers: Servers) -> Iterator[str]:
    url = clone_database(servers)
    yield url
    drop_database(servers.admin_url, urlsplit(url).path.removeprefix("/"))


@pytest.fixture
def redis_url(servers: Servers) -> str:
    flush_redis(servers.redis_url)
    return servers.redis_url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, size=12, application_name="test")
    yield opened
    await opened.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with open_redis(redis_url) as client:
        yield client


@pytest.fixture
def randomness() -> Random:
    return Random(20261122)


@pytest.fixture
def server_directory() -> Iterator[Path]:
    with make_server_directory("bureau-test-") as directory:
        yield directory


@pytest.fixture(scope="session")
def private_postgres_seed() -> Iterator[Path]:
    with make_server_directory("bureau-test-seed-") as directory:
        prepare_private_postgres(directory / "postgres")
        yield directory / "postgres"


@pytest.fixture
def private_postgres(server_directory: Path, private_postgres_seed: Path) -> Iterator[PrivatePostgres]:
    home = server_directory / "postgres"
    shutil.copytree(private_postgres_seed, home, symlinks=True)
    server = PrivatePostgres([start_postgres(PostgresConfig(home, is_fast=True))])
    yield server
    server.kill()


@pytest.fixture
def noting_postgres(server_directory: Path, private_postgres_seed: Path) -> Iterator[PrivatePostgres]:
    home = server_directory / "postgres"
    shutil.copytree(private_postgres_seed, home, symlinks=True)
    settings = (("track_commit_timestamp", "on"),)
    server = PrivatePostgres([start_postgres(PostgresConfig(home, is_fast=True, settings=settings))])
    yield server
    server.kill()


@pytest.fixture
def private_valkey(server_directory: Path) -> Iterator[PrivateValkey]:
    server = PrivateValkey([start_valkey(ValkeyConfig(server_directory / "valkey"))])
    yield server
    server.kill()


def _shared_postgres(config: pytest.Config) -> tuple[str, str]:
    if _POSTGRES not in config.stash:
        config.stash[_POSTGRES] = config.stash[_RESOURCES].enter_context(open_postgres_server())
    return config.stash[_POSTGRES]
