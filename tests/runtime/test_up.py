"""`bureau up` as a person and a script meet it: real processes, started, asked, refused, stopped, killed."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from bureau.embedded import PostgresConfig, find_free_port, kill_postgres, start_postgres
from tests.polling import wait_until
from tests.runtime.children import is_running, processes_mentioning
from tests.servers import Servers, with_database

pytestmark = [pytest.mark.faults, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0


def bureau(*arguments: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = (sys.executable, "-m", "bureau", *arguments)
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, env=clean(environment), timeout=_PATIENCE
    )


def clean(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BUREAU_", "DATABASE_", "REDIS_"))
    }
    return kept | dict(environment or {})


@contextmanager
def starting_up(
    directory: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """Run `bureau up --json`, and yield it with the addresses of its processes once it is ready."""
    directory.parent.mkdir(exist_ok=True, parents=True)
    log = directory.parent / "up.log"
    port = str(find_free_port())
    command = (
        sys.executable,
        "-m",
        "bureau",
        "up",
        "--json",
        "--port",
        port,
        "--directory",
        str(directory),
        *arguments,
    )
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env=clean(environment) | {"TEST_MARK": str(directory)},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text(encoding="utf-8")[-3000:]
        yield process, json.loads(line)["processes"]
    finally:
        process.terminate()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


def nothing_left(directory: Path) -> bool:
    """The directory stands in the environment of every process that was started for it."""
    return not processes_mentioning(str(directory))


def test_up_serves_on_one_address_mends_itself_and_leaves_nothing_on_ctrl_c(server_directory: Path) -> None:
    directory = server_directory / ".bureau"
    with starting_up(directory) as (process, processes):
        api, key = processes["api"], (directory / "api_key").read_text(encoding="utf-8").strip()
        headers = {"Authorization": f"Bearer {key}"}
        made = httpx2.post(f"{api}/api/v1/agents", json={"name": "helper"}, headers=headers)
        assert made.status_code == 201
        token = {"Bureau-Consistency": made.headers["Bureau-Consistency"], "Prefer": "wait=20"}
        listed = httpx2.get(f"{api}/api/v1/agents", headers=headers | token, timeout=30)
        assert [agent["name"] for agent in listed.json()["data"]] == ["helper"]
        assert httpx2.get(f"{api}/api/v1/leases", headers=headers).status_code == 405
        assert httpx2.get(f"{api}/docs").status_code == 200
        paths = httpx2.get(f"{api}/openapi.json").json()["paths"]
        assert set(paths["/api/v1/agents"]) == {"get", "post"}
        status = bureau("status", "--json", "--directory", str(directory))
        assert status.returncode == 0, status.stdout
        assert {each["state"] for each in json.loads(status.stdout)["processes"]} == {"ready"}
        assert sum(shard["log"] for shard in json.loads(status.stdout)["shards"]) == 1
        kill_database_and_relay(directory)
        wait_until(lambda: is_ready(api) and is_ready(processes["relay"]), timeout=60, what="it is ready again")
        assert bureau("status", "--directory", str(directory), "--patience", "20").returncode == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert nothing_left(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "api_key").stat().st_mode & 0o777 == 0o600
    assert key not in (server_directory / "up.log").read_text(encoding="utf-8")


def test_after_a_kill_nothing_is_left_and_the_data_is_there_at_the_next_start(server_directory: Path) -> None:
    directory = server_directory / ".bureau"
    with starting_up(directory) as (process, processes):
        key = (directory / "api_key").read_text(encoding="utf-8").strip()
        headers = {"Authorization": f"Bearer {key}"}
        made = httpx2.post(f"{processes['api']}/api/v1/agents", json={"name": "kept"}, headers=headers)
        token = {"Bureau-Consistency": made.headers["Bureau-Consistency"], "Prefer": "wait=20"}
        process.kill()
        process.wait(10)
        wait_until(lambda: nothing_left(directory), timeout=20, what="every process of a killed `up` is gone")
    with starting_up(directory) as (process, processes):
        agents = httpx2.get(f"{processes['api']}/api/v1/agents", headers=headers | token, timeout=30).json()["data"]
        assert [agent["name"] for agent in agents] == ["kept"]
        second = bureau("up", "--directory", str(directory), "--port", str(find_free_port()))
        assert second.returncode == 3
        assert "in use by another `bureau up`" in second.stderr
        process.terminate()
        assert process.wait(60) == 0


def kill_database_and_relay(directory: Path) -> None:
    signs = (b"/bin/postgres\0-D\0", b"\0serve\0relay")
    commands = {each: Path(f"/proc/{each}/cmdline").read_bytes() for each in processes_mentioning(str(directory))}
    victims = [each for each, command in commands.items() if any(sign in command for sign in signs)]
    assert len(victims) == 2
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not any(is_running(victim) for victim in victims))


def is_ready(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/ready").is_success
    except httpx2.HTTPError:
        return False


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
    finally:
        kill_postgres(own)


def test_a_taken_port_is_one_clear_line(server_directory: Path) -> None:
    with socket.create_server(("127.0.0.1", find_free_port())) as taken:
        port = taken.getsockname()[1]
        refused = bureau("up", "--directory", str(server_directory / ".bureau"), "--port", str(port))
    assert refused.returncode == 3
    assert refused.stderr.strip().splitlines() == [
        f"bureau: 127.0.0.1:{port} is taken: stop what listens there, or choose another port (`bureau up --port 8001`)"
    ]


def test_a_damaged_data_directory_is_one_clear_line(server_directory: Path) -> None:
    strange = server_directory / ".bureau" / "postgres" / "data"
    strange.mkdir(parents=True)
    refused = bureau("up", "--directory", str(server_directory / ".bureau"), "--port", str(find_free_port()))
    assert refused.returncode == 3
    assert "not a PostgreSQL data directory: move it away" in refused.stderr.splitlines()[-1]


def test_a_database_out_of_reach_is_one_clear_line_without_its_password() -> None:
    url = f"postgresql://me:secret@127.0.0.1:{find_free_port()}/bureau"
    failed = bureau("migrate", "--wait", "0", environment={"DATABASE_URL": url})
    assert failed.returncode == 1
    assert failed.stderr.startswith("bureau: cannot migrate the database at 127.0.0.1:")
    assert len(failed.stderr.splitlines()) == 1
    assert "secret" not in failed.stderr


def test_status_of_nothing_is_unhealthy_and_says_so_as_data(server_directory: Path) -> None:
    nowhere = f"127.0.0.1:{find_free_port()}"
    environment = {"DATABASE_URL": f"postgresql://me@{nowhere}/bureau", "REDIS_URL": f"redis://{nowhere}/0"}
    arguments = ("status", "--json", "--directory", str(server_directory), "--process", f"relay=http://{nowhere}")
    answer = bureau(*arguments, environment=environment)
    assert answer.returncode == 1
    told = json.loads(answer.stdout)
    assert told["is_healthy"] is False
    assert [each["state"] for each in told["processes"]] == ["unreachable"]
    assert len(told["problems"]) == 2


@pytest.mark.parametrize("command", ["up", "demo", "migrate", "status", "serve"])
def test_help_has_examples_and_exit_codes_and_no_colour(command: str) -> None:
    told = bureau(command, "--help")
    assert told.returncode == 0
    assert f"bureau {command}" in told.stdout
    assert "Exit codes: 0" in told.stdout
    assert "\x1b[" not in told.stdout


def test_wrong_usage_and_wrong_settings_have_their_exit_codes() -> None:
    assert bureau("serve", "nonsense").returncode == 2
    wrong = bureau("migrate", environment={"BUREAU_SHARDS": "many"})
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("bureau: the environment variable BUREAU_SHARDS is wrong")


@pytest.mark.parametrize("role", ["api", "command-api", "query-api"])
def test_an_api_without_a_key_to_sign_with_ends_in_one_clear_line(role: str) -> None:
    refused = bureau("serve", role, environment={"BUREAU_SECRET_KEY": "short"})
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
