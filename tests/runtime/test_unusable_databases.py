"""Every command says in one line what is wrong with a database that cannot be used, and ends as it documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import pytest
import structlog
import typer
from typer.testing import CliRunner

from bureau.cli import app
from tests.servers import Servers, execute, with_database

_ID: Final = "019a8f6e-7d8c-7c3f-9d0e-3f5d8a1b2c4d"
_COMMANDS: Final = (
    ("migrate", "--wait", "0"),
    ("status",),
    ("verify",),
    ("verify", "--deep", "--processes", "1"),
    ("rebuild", "--list"),
    ("rebuild", "tasks"),
    ("rebuild", "tasks", "--confirm"),
    ("rebuild", "tasks", "--abandon"),
    ("rebuild", "tasks", "--aggregate", _ID),
    ("keys", "create", "--name", "ada"),
    ("keys", "list"),
    ("keys", "revoke", "0123456789abcdef"),
    ("readers", "list"),
    ("readers", "register", "index"),
    ("readers", "remove", "index"),
    ("epoch", "show"),
    ("epoch", "bump", "--yes"),
    ("streams", "check"),
    ("streams", "refill", "3", "--yes"),
    ("dead-letters", "list"),
    ("dead-letters", "show", _ID),
    ("dead-letters", "retry", _ID),
    ("dead-letters", "skip", _ID, "--yes"),
    ("archive", "list"),
    ("archive", "restore"),
)
_THAT_SERVE: Final = {("up",), ("serve",), ("demo",)}
_WORDS: Final = {
    "wrong password": "password authentication failed for user",
    "no rights": "permission denied for",
    "not migrated": "it is not migrated, `bureau migrate` does that",
    "not there": "does not exist",
}


def as_role(url: str, name: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"))


@pytest.fixture(params=_WORDS)
def trouble(request: pytest.FixtureRequest, servers: Servers, database_url: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, and the address of a database with which it is."""
    name = f"stranger_{urlsplit(database_url).path.removeprefix('/')}"
    execute(servers.admin_url, f"CREATE ROLE {name} LOGIN PASSWORD 'right'", f"CREATE DATABASE {name}")
    addresses = {
        "wrong password": as_role(database_url, name, "wrong"),
        "no rights": as_role(database_url, name, "right"),
        "not migrated": with_database(database_url, name),
        "not there": with_database(database_url, f"{name}_of_nobody"),
    }
    yield request.param, addresses[request.param]
    execute(servers.admin_url, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Yield what runs commands; they set logging up for themselves, which is undone."""
    monkeypatch.setattr("bureau.commands.verify.collect_less", lambda: None)
    monkeypatch.setattr("bureau.commands.rebuild.collect_less", lambda: None)
    configured = structlog.get_config()
    yield CliRunner()
    structlog.configure(**configured)


def every_command(application: typer.Typer, *words: str) -> Iterator[tuple[str, ...]]:
    for command in application.registered_commands:
        assert command.callback is not None
        yield (*words, command.name or command.callback.__name__)
    for group in application.registered_groups:
        assert group.typer_instance is not None
        yield from every_command(group.typer_instance, *words, str(group.typer_instance.info.name))


def test_no_command_is_forgotten() -> None:
    every = set(every_command(app))
    assert every >= {("verify",), ("epoch", "bump"), ("dead-letters", "list")}
    assert {words for words in every if any(each[: len(words)] == words for each in _COMMANDS)} == every - _THAT_SERVE


def test_a_database_that_cannot_be_used_is_said_in_one_line(
    runner: CliRunner, trouble: tuple[str, str], redis_url: str, tmp_path: Path
) -> None:
    kind, database_url = trouble
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "BUREAU_DIRECTORY": str(tmp_path)}
    for command in _COMMANDS:
        if (kind, command[0]) == ("not migrated", "migrate"):
            continue  # this is what it is for
        done = runner.invoke(app, command, env=environment)
        told = (command, done.stdout, done.stderr, done.exception)
        assert isinstance(done.exception, SystemExit), told
        assert done.exit_code == (2 if command[0] == "verify" else 1), told
        lines = done.stderr.splitlines()
        if command == ("status",):  # which tells of the servers and processes, too
            lines = [each for each in lines if _WORDS[kind] in each]
        (line,) = lines
        assert _WORDS[kind] in line, told
        assert line.startswith(("bureau: cannot ", "  the line cannot be read: ")), told
        assert "call it again" not in line, told
        assert ("cannot rebuild " in line) == (command == ("rebuild", "tasks")), told
