"""The real PostgreSQL and Valkey that tests run against, and a fresh database for each test.

Chosen in this order: TEST_DATABASE_URL and TEST_REDIS_URL; a container engine, when one answers; the embedded servers.
One PostgreSQL serves the whole run, however many workers it has. Embedded Valkey is one a worker, because publish and
subscribe know no logical databases.
"""

import asyncio
import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import SystemRandom
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from redis import Redis

from bureau.embedded import (
    PostgresConfig,
    ValkeyConfig,
    start_postgres,
    start_valkey,
    stop_postgres,
    stop_valkey,
)
from migrations.runner import migrate_database

__all__ = [
    "TEST_SHARDS",
    "Servers",
    "clone_database",
    "drop_database",
    "execute",
    "flush_redis",
    "make_server_directory",
    "open_postgres_server",
    "open_redis_server",
    "run_in_thread",
    "with_database",
]

TEST_SHARDS = 16
_MEMORY_ROOM = 4 * 1024**3
_POSTGRES_IMAGE, _REDIS_IMAGE = "postgres:18", "valkey/valkey:9"


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses for one worker: the server's own database, the migrated template's name, and Redis."""

    admin_url: str
    template: str
    redis_url: str


@contextmanager
def open_postgres_server() -> Iterator[tuple[str, str]]:
    """Yield (admin address, template's name): a PostgreSQL with a migrated template database."""
    with ExitStack() as resources:
        admin_url = _serve_postgres(resources)
        template = f"bureau_template_{_suffix()}"
        execute(admin_url, f'CREATE DATABASE "{template}"')
        resources.callback(drop_database, admin_url, template)
        migrate_database(with_database(admin_url, template), shards=TEST_SHARDS)
        yield admin_url, template


@contextmanager
def open_redis_server(worker_number: int) -> Iterator[str]:
    """Yield the address of a Redis or Valkey database that is this worker's alone."""
    with ExitStack() as resources:
        if given := os.environ.get("TEST_REDIS_URL"):
            yield with_database(given, str(worker_number % 16))
        elif _has_container_engine():
            yield resources.enter_context(_redis_container())
        else:
            home = resources.enter_context(make_server_directory("bureau-test-valkey-"))
            server = start_valkey(ValkeyConfig(home / "valkey", is_durable=False))
            resources.callback(stop_valkey, server)
            yield server.redis_url()


def clone_database(servers: Servers) -> str:
    """Return the address of a fresh, migrated database."""
    name = f"bureau_test_{_suffix()}"
    execute(servers.admin_url, f'CREATE DATABASE "{name}" TEMPLATE "{servers.template}" STRATEGY file_copy')
    return with_database(servers.admin_url, name)


def drop_database(admin_url: str, name: str) -> None:
    """Drop it, whoever is still connected."""
    execute(admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def flush_redis(redis_url: str) -> None:
    """Empty the worker's logical database."""
    with Redis.from_url(redis_url) as connection:
        connection.flushdb()


def execute(database_url: str, *statements: str) -> None:
    """Carry statements out one by one, each in a transaction of its own, over a connection of their own."""

    async def run() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    run_in_thread(run)


def with_database(url: str, name: str) -> str:
    """Return the address with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def make_server_directory(prefix: str, place: Path | None = None) -> Iterator[Path]:
    """Yield a temporary directory that a server of another user can pass through."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=place, ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


def run_in_thread[Value](make: Callable[[], Coroutine[object, object, Value]]) -> Value:
    """Run a coroutine in a loop of its own, away from the loop of the test."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(lambda: asyncio.run(make())).result()


def _serve_postgres(resources: ExitStack) -> str:
    if given := os.environ.get("TEST_DATABASE_URL"):
        return given
    if _has_container_engine():
        return resources.enter_context(_postgres_container())
    home = resources.enter_context(make_server_directory("bureau-test-postgres-", _find_memory_place()))
    server = start_postgres(PostgresConfig(home / "postgres", is_fast=True))
    resources.callback(stop_postgres, server)
    return server.database_url()


def _find_memory_place() -> Path | None:
    """Return a directory in memory where there is one with room: a database for each test is 450 files to copy.

    On two cores the tests of the command API took 77 s with it and 115 s without.
    """
    place = Path("/dev/shm")  # noqa: S108 - the files are in a directory of their own there
    has_room = place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free > _MEMORY_ROOM
    return place if has_room else None


@cache
def _has_container_engine() -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker leaves its socket open when nobody answers
        answers = _ping_container_engine()
        gc.collect()
        return answers


def _ping_container_engine() -> bool:
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415 - only asked when no address is given
    from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        with closing(docker.from_env(timeout=2)) as engine:
            return bool(engine.ping())
    except (DockerException, OSError):
        return False


@contextmanager
def _postgres_container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - only where Docker answers

    container = PostgresContainer(_POSTGRES_IMAGE, username="bureau", dbname="bureau", driver=None)
    container.with_command("postgres -c max_connections=200 -c fsync=off")
    with container as running:
        yield running.get_connection_url()


@contextmanager
def _redis_container() -> Iterator[str]:
    from testcontainers.community.redis import RedisContainer  # noqa: PLC0415 - only where Docker answers

    with RedisContainer(_REDIS_IMAGE) as running:
        yield f"redis://{running.get_container_host_ip()}:{running.get_exposed_port(6379)}/0"


def _suffix() -> str:
    return f"{SystemRandom().getrandbits(48):012x}"
