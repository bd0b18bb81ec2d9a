"""Others that carry an outbox to Redis streams: faststream-outbox, the Debezium engine, Protean's outbox processor.

Each drains a backlog of its own form, written beforehand, from the same PostgreSQL to the same Redis, in one process.
None of them keeps the order of an aggregate under retries, or notices a stream that lost its tail: a mark to look at,
not the same work.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from benchmarks.peer_environment import open_environment, run_peer
from benchmarks.report import Result
from bureau.embedded import PostgresConfig, ValkeyConfig, start_postgres, start_valkey, stop_postgres, stop_valkey

__all__ = ["run_relay_peers"]

_HERE: Final = Path(__file__).parent
_EVENTS: Final = {"faststream_outbox": 20_000, "debezium": 100_000, "protean": 2_000}
"""Enough for each to run some seconds: they differ by orders of magnitude."""


async def run_relay_peers(bureau_rate: float, *, is_quick: bool, size: int = 700) -> list[Result]:
    """Measure each beside Bureau's own rate in events a second; payloads of `size` bytes. Raises PeerError."""
    results = []
    async with open_environment(_HERE / "requirements.txt") as python:
        with _open_servers() as (database_url, redis_url):
            for peer, many in _EVENTS.items():
                events = many // 4 if is_quick else many
                words = (await _new_database(database_url, peer), redis_url, str(events), str(size))
                rate = await run_peer(python, _HERE / f"{peer}_relay.py", *words)
                results.append(
                    Result(
                        f"relay drain beside {peer}",
                        bureau_rate,
                        "events/s",
                        rate,
                        bureau_rate / rate,
                        f"the floor is {peer} with {events:,} events; the ratio, how many times as fast Bureau is",
                    )
                )
    return results


async def _new_database(database_url: str, peer: str) -> str:
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE DATABASE peer_{peer}")
    await connection.close()
    return urlunsplit(urlsplit(database_url)._replace(path=f"/peer_{peer}"))


@contextmanager
def _open_servers() -> Iterator[tuple[str, str]]:
    """Yield servers as the relay's own measurement has them, but for logical decoding, which Debezium needs."""
    with tempfile.TemporaryDirectory(prefix="bureau-bench-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        postgres = start_postgres(PostgresConfig(Path(directory) / "postgres", settings=(("wal_level", "logical"),)))
        valkey = start_valkey(ValkeyConfig(Path(directory) / "valkey"))
        try:
            yield postgres.database_url(), valkey.redis_url()
        finally:
            stop_postgres(postgres)
            stop_valkey(valkey)
