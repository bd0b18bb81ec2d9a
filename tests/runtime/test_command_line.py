"""The `bureau` command: help, exit codes, and settings that are refused in one line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bureau.cli import app
from tests.runtime.command_line import bureau


@pytest.mark.parametrize("command", ["up", "demo", "migrate", "status", "serve", "verify"])
def test_help_has_examples_and_exit_codes_and_no_colour(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0
    assert f"bureau {command}" in told.stdout
    assert "Exit codes: 0" in told.stdout
    assert "\x1b[" not in told.stdout


def test_wrong_usage_and_wrong_settings_have_their_exit_codes() -> None:
    assert bureau("serve", "nonsense").returncode == 2
    wrong = bureau("migrate", environment={"BUREAU_SHARDS": "many"})
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("bureau: the environment variable BUREAU_SHARDS is wrong")


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_an_address_of_something_else_is_one_clear_line_without_its_password(name: str) -> None:
    wrong = bureau("status", environment={name: "mysql://me:secret@127.0.0.1/bureau"})
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(f"bureau: the environment variable {name} is wrong: it has to begin with ")
    assert len(wrong.stderr.splitlines()) == 1
    assert "secret" not in wrong.stderr


@pytest.mark.parametrize("command", [("up",), ("serve", "command-api")])
def test_a_key_too_short_to_sign_with_is_one_clear_line(command: tuple[str, ...]) -> None:
    refused = bureau(*command, environment={"BUREAU_SECRET_KEY": "short"})
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "bureau: BUREAU_SECRET_KEY needs at least 32 characters; make one: openssl rand -base64 48"
    ]


@pytest.mark.parametrize("name", ["BUREAU_SECRET_KEY", "BUREAU_API_KEY"])
def test_production_refuses_the_published_secrets(name: str) -> None:
    published = f"{'0' * 32}-development-only"
    refused = bureau("serve", "relay", environment={"BUREAU_ENVIRONMENT": "production", name: published})
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert f"the environment variable {name} is wrong: it holds development-only" in refused.stderr


def test_status_of_a_directory_where_nothing_runs_says_what_to_do(tmp_path: Path) -> None:
    told = bureau("status", "--directory", str(tmp_path))
    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        f"bureau: nothing runs from {tmp_path}: start it with `bureau up`, or set DATABASE_URL and REDIS_URL"
    ]
