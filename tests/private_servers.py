"""Servers of one test's own, which it may stop, kill and start again: always the embedded ones."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bureau.embedded import (
    PostgresConfig,
    PostgresServer,
    ValkeyServer,
    kill_postgres,
    kill_valkey,
    start_postgres,
    start_valkey,
    stop_postgres,
    stop_valkey,
)
from migrations.runner import migrate_database
from tests.servers import TEST_SHARDS

__all__ = ["PrivatePostgres", "PrivateValkey", "prepare_private_postgres"]


@dataclass(frozen=True, slots=True)
class PrivatePostgres:
    """A PostgreSQL of one test's own; it comes back on the same port, with the same data and password.

    `running` holds the current server; it is how a frozen record follows a process that dies and comes back.
    """

    running: list[PostgresServer]

    @property
    def database_url(self) -> str:
        """Address of the migrated database `bureau`; it stays the same over restarts."""
        return self.running[0].database_url()

    @property
    def process_id(self) -> int:
        return self.running[0].process.pid

    def stop(self) -> None:
        stop_postgres(self.running[0])

    def kill(self) -> None:
        kill_postgres(self.running[0])

    def start(self) -> None:
        self.running[0] = start_postgres(self.running[0].config)

    def restart(self) -> None:
        self.stop()
        self.start()

    def save_copy(self, copy: Path) -> None:
        """Stop, copy the data directory, and go on."""
        self.stop()
        shutil.copytree(self.running[0].config.home / "data", copy, symlinks=True)
        self.start()

    def put_back(self, copy: Path) -> None:
        """Stop, replace the data by a copy of an earlier time, and go on from there."""
        self.stop()
        shutil.rmtree(self.running[0].config.home / "data")
        shutil.copytree(copy, self.running[0].config.home / "data", symlinks=True)
        self.start()


@dataclass(frozen=True, slots=True)
class PrivateValkey:
    """A durable Valkey of one test's own; it comes back on the same port, with the same data and password."""

    running: list[ValkeyServer]

    @property
    def redis_url(self) -> str:
        """Address of logical database 0; it stays the same over restarts."""
        return self.running[0].redis_url()

    @property
    def process_id(self) -> int:
        return self.running[0].process.pid

    def stop(self) -> None:
        stop_valkey(self.running[0])

    def kill(self) -> None:
        kill_valkey(self.running[0])

    def start(self) -> None:
        self.running[0] = start_valkey(self.running[0].config)

    def restart(self) -> None:
        self.stop()
        self.start()

    def restart_empty(self) -> None:
        self.kill()
        shutil.rmtree(self.running[0].config.home / "data")
        self.start()


def prepare_private_postgres(home: Path) -> None:
    """Make a migrated, stopped server's home that private servers are copied from."""
    server = start_postgres(PostgresConfig(home, is_fast=True))
    try:
        migrate_database(server.database_url(), shards=TEST_SHARDS)
    finally:
        stop_postgres(server)
