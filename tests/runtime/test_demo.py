"""`bureau demo`: with a service of its own, and through one that runs on servers of somebody else."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bureau.embedded import PostgresConfig, kill_postgres, start_postgres
from tests.runtime.command_line import bureau, is_ready, nothing_left, starting_up
from tests.servers import Servers, with_database

pytestmark = pytest.mark.slow


def test_given_servers_are_used_and_no_embedded_ones_started(server_directory: Path, servers: Servers) -> None:
    directory = server_directory / ".bureau"
    home = server_directory / "own"
    own = start_postgres(PostgresConfig(home, is_fast=True))
    try:
        environment = {"DATABASE_URL": own.database_url(), "REDIS_URL": with_database(servers.redis_url, "40")}
        with starting_up(directory, environment=environment) as (_, processes):
            assert is_ready(processes["api"])
            assert not (directory / "postgres").exists()
            assert not (directory / "valkey").exists()
            environment |= {"BUREAU_API_KEY": (directory / "api_key").read_text(encoding="utf-8").strip()}
            check_demo_elsewhere(processes["api"], environment | {"TMPDIR": str(server_directory)})
    finally:
        kill_postgres(own)


def check_demo_elsewhere(api: str, environment: Mapping[str, str]) -> None:
    """The demonstration also goes through a service that is there already."""
    shown = bureau("demo", "--url", api, "--json", environment=environment)
    assert shown.returncode == 0, shown.stderr[-3000:]
    told = json.loads(shown.stdout)
    assert told["state"] == "completed"
    assert told["agreement"]["task_events"] >= 4
    assert all(path.startswith(environment["TMPDIR"]) for path in told["artifacts"])
    nobody = bureau("demo", "--url", api, "--no-worker", environment=environment)
    assert nobody.returncode == 1
    assert nobody.stderr.splitlines()[-1].startswith("bureau: no active agent log-analyst: start its worker")
    keyless = bureau("demo", "--url", api, environment=dict(environment) | {"BUREAU_API_KEY": ""})
    assert (keyless.returncode, keyless.stderr.startswith("bureau: BUREAU_API_KEY is missing")) == (2, True)


def test_the_demo_takes_a_task_through_everything_and_leaves_nothing(server_directory: Path) -> None:
    log = server_directory / "access.log"
    log.write_text('10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /slow HTTP/1.1" 500 2326\n' * 50, encoding="utf-8")
    output = server_directory / "out"
    environment = {"TMPDIR": str(server_directory)}
    shown = bureau("demo", str(log), "--output", str(output), "--json", environment=environment)
    assert shown.returncode == 0, shown.stderr[-3000:]
    told = json.loads(shown.stdout)
    assert told["state"] == "completed"
    assert told["agreement"]["events"] >= told["agreement"]["task_events"] >= 4
    stations = [hop["station"] for hop in told["hops"]]
    assert stations[0].startswith("command committed")
    assert stations[-1] == "answered by a query"
    assert {"report.md", "chart.svg", "summary.json", "service.log"} <= {path.name for path in output.iterdir()}
    assert "/slow" in (output / "report.md").read_text(encoding="utf-8")
    assert nothing_left(server_directory)


def test_a_log_that_cannot_be_read_is_one_clear_line(server_directory: Path) -> None:
    refused = bureau("demo", str(server_directory / "missing.log"))
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        f"bureau: cannot read {server_directory}/missing.log: No such file or directory"
    ]
