"""`bureau up` as a person and a script meet it: real processes, started, asked, refused, stopped, killed."""

import json
import os
import signal
import socket
from pathlib import Path

import httpx2
import pytest

from bureau.embedded import find_free_port
from tests.polling import wait_until
from tests.runtime.children import is_running, processes_mentioning
from tests.runtime.command_line import bureau, is_ready, nothing_left, starting_up

pytestmark = [pytest.mark.faults, pytest.mark.slow]


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


def test_a_taken_port_is_one_clear_line(server_directory: Path) -> None:
    with socket.create_server(("127.0.0.1", find_free_port())) as taken:
        port = taken.getsockname()[1]
        refused = bureau("up", "--directory", str(server_directory / ".bureau"), "--port", str(port))
    assert refused.returncode == 3
    assert refused.stderr.strip().splitlines() == [
        f"bureau: 127.0.0.1:{port} is taken: stop what listens there, or choose another port (`bureau up --port 8001`)"
    ]


def test_an_address_of_another_machine_is_one_clear_line(server_directory: Path) -> None:
    refused = bureau(
        "up", "--directory", str(server_directory / ".bureau"), "--host", "192.0.2.1", "--port", str(find_free_port())
    )
    assert refused.returncode == 3
    assert refused.stderr.strip().splitlines() == [
        "bureau: 192.0.2.1 is no address of this machine: choose one that is (`bureau up --host 127.0.0.1`)"
    ]


@pytest.mark.parametrize("name", ["secret_key", "api_key"])
def test_a_damaged_secret_is_one_clear_line(server_directory: Path, name: str) -> None:
    home = server_directory / ".bureau"
    home.mkdir(mode=0o700)
    (home / name).write_bytes(b"\xff\x00\xfe damaged")
    refused = bureau("up", "--directory", str(home), "--port", str(find_free_port()))
    assert refused.returncode == 3
    assert refused.stderr.strip().splitlines() == [
        f"bureau: {home / name} is damaged: put it back from a backup, or begin with another directory"
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
