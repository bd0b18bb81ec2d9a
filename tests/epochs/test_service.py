"""A restore as an operator meets it: a whole service that was put back to an older copy of its database."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from bureau.embedded import find_free_port
from tests.polling import wait_until
from tests.runtime.command_line import bureau, is_ready, starting_up

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Service:
    """A service over HTTP, with its own key."""

    address: str
    key: str

    def register(self, name: str) -> str:
        """Register an agent, again and again with the same Idempotency-Key; return the consistency token."""
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": f'"{name}"'}
        made = httpx2.post(f"{self.address}/api/v1/agents", json={"name": name}, headers=headers, timeout=30)
        assert made.status_code == 201, made.text
        return str(made.headers["Bureau-Consistency"])

    def list_agents(self, token: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Bureau-Consistency": token}
        headers["Prefer"] = "handling=strict, wait=20"
        return httpx2.get(f"{self.address}/api/v1/agents?limit=100", headers=headers, timeout=30)


@contextmanager
def serving(directory: Path, port: int | None = None) -> Iterator[Service]:
    arguments = () if port is None else ("--port", str(port))
    with starting_up(directory, *arguments) as (process, processes):
        yield Service(processes["api"], (directory / "api_key").read_text(encoding="utf-8").strip())
        process.terminate()
        assert process.wait(60) == 0


def bump_when_it_waits(directory: Path, service: Service) -> list[str]:
    """Do what an operator does whose service does not become ready, while it is used; return the tokens given."""
    log = directory.parent / "up.log"
    told = "relay is not ready: shards: RuntimeError: shard"
    wait_until(lambda: log.read_text(encoding="utf-8").count(told) > 0, timeout=60, what="`up` tells why it waits")
    wait_until(lambda: is_ready(service.address), timeout=60, what="commands are taken while the relay waits")
    tokens = [service.register(f"between-{number}") for number in range(12)]
    shown = bureau("epoch", "show", "--directory", str(directory))
    assert shown.returncode == 1
    done = bureau("epoch", "bump", "--yes", "--directory", str(directory))
    assert done.returncode == 0, done.stderr
    assert "epoch 2 has begun" in done.stderr
    return tokens


def names(answer: httpx2.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {agent["name"] for agent in answer.json()["data"]}


def test_a_service_put_back_to_an_older_copy_waits_for_a_bump_and_goes_on(server_directory: Path) -> None:
    directory, copy = server_directory / ".bureau", server_directory / "copy"
    data = directory / "postgres" / "data"
    with serving(directory) as service:
        before = [service.register(f"before-{number}") for number in range(12)][-1]
        assert len(names(service.list_agents(before))) == 12
    shutil.copytree(data, copy, symlinks=True)
    with serving(directory) as service:
        lost = [service.register(f"lost-{number}") for number in range(30)]
        assert len(names(service.list_agents(lost[-1]))) == 42
    shutil.rmtree(data)
    shutil.copytree(copy, data, symlinks=True)
    port = find_free_port()
    waiting = Service(f"http://127.0.0.1:{port}", service.key)
    with ThreadPoolExecutor(1) as executor:
        bumping = executor.submit(bump_when_it_waits, directory, waiting)
        with serving(directory, port) as service:
            between = bumping.result(60)
            after = [service.register(f"after-{number}") for number in range(12)]
            found = names(service.list_agents(after[-1]))
            assert found == {f"{when}-{number}" for when in ("before", "between", "after") for number in range(12)}
            assert {service.list_agents(token).status_code for token in lost} == {410}
            assert service.list_agents(before).status_code == 200
            check_repeated_commands(service, between)
            verified = bureau("verify", "--deep", "--directory", str(directory))
            assert verified.returncode == 0, verified.stdout
            status = bureau("status", "--directory", str(directory))
            assert status.returncode == 0, status.stdout + status.stderr


def check_repeated_commands(service: Service, between: list[str]) -> None:
    """What was done before the bump is not done again, and its token is given anew, for the epoch it is in now."""
    repeated = [service.register(f"between-{number}") for number in range(12)]
    assert repeated != between
    for number, token in enumerate(repeated):
        assert f"between-{number}" in names(service.list_agents(token))
