"""What measurements start: durable servers in a temporary directory, and processes of the service as users run them."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bureau.embedded import (
    PostgresConfig,
    ValkeyConfig,
    find_free_port,
    start_postgres,
    start_valkey,
    stop_postgres,
    stop_valkey,
)
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import open_pool
from migrations.runner import migrate_database

__all__ = ["API_KEY_NAME", "Addresses", "Running", "make_api_key", "open_servers", "run_process", "run_role"]

API_KEY_NAME: Final = "benchmark"
_SHARDS: Final = 16
_SECRET: Final = "benchmark" * 4


class Running(NamedTuple):
    """A process of ours and the port that it listens on."""

    process_id: int
    port: int

    def cpu_seconds(self) -> float:
        """Return the processor time it has used, user and system (Linux; 0 elsewhere)."""
        statistics = Path(f"/proc/{self.process_id}/stat")
        if not statistics.exists():
            return 0.0
        fields = statistics.read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Addresses(NamedTuple):
    """A migrated, empty database and an empty Redis."""

    database_url: str
    redis_url: str


@contextmanager
def open_servers() -> Iterator[Addresses]:
    """Yield servers of our own, as durable as in production, and stop them in the end."""
    with tempfile.TemporaryDirectory(prefix="bureau-bench-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        postgres = start_postgres(PostgresConfig(Path(directory) / "postgres"))
        valkey = start_valkey(ValkeyConfig(Path(directory) / "valkey"))
        try:
            migrate_database(postgres.database_url(), shards=_SHARDS)
            yield Addresses(postgres.database_url(), valkey.redis_url())
        finally:
            stop_postgres(postgres)
            stop_valkey(valkey)


async def make_api_key(database_url: str) -> str:
    """Return a key that the service accepts."""
    api_key = new_api_key()
    pool = await open_pool(database_url, size=1, application_name="bench")
    await store_api_key(pool, api_key, workspace_id="default", name=API_KEY_NAME)
    await pool.close()
    return api_key


@asynccontextmanager
async def run_process(*words: str, port: int, environment: dict[str, str] | None = None) -> AsyncIterator[Running]:
    """Yield a Python process once it listens, and stop the process in the end."""
    environment = {**os.environ, **(environment or {})}
    process = await asyncio.create_subprocess_exec(sys.executable, *words, env=environment, stdout=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(20):
            while not await _listens(port):
                assert process.returncode is None, f"{' '.join(words)} ended at once"
                await asyncio.sleep(0.05)
        yield Running(process.pid, port)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def run_role(role: str, servers: Addresses) -> AsyncIterator[Running]:
    """Yield one process of the service, as `bureau serve` runs it."""
    port = find_free_port()
    environment = {
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "BUREAU_PORT": str(port),
        "BUREAU_SECRET_KEY": _SECRET,
        "BUREAU_LOG_LEVEL": "error",
        "BUREAU_LOG_FORMAT": "json",
    }
    async with run_process("-m", "bureau", "serve", role, port=port, environment=environment) as running:
        yield running


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
