"""The composed service, built and run for real. One test, because building and starting it is the dear part."""

import json
import urllib.error
import urllib.request
from functools import partial

import pytest

from client import BureauClient
from tests.containers.engine import Stack, is_podman, run
from tests.polling import poll_until, wait_until

_READY_SECONDS = 300.0
_ROLES = ("command-api", "query-api", "relay", "projectors")
_DEMO = ("demo", "--url", "http://command-api:8000", "--query-url", "http://query-api:8000", "--json")
_ASK_READY = (
    "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/ready');"
    " sys.exit(c.getresponse().status != 200)"
)


@pytest.mark.containers
@pytest.mark.slow
async def test_the_composed_service_takes_a_task_from_http_to_the_read_model(
    stack: Stack, subtests: pytest.Subtests
) -> None:
    with subtests.test("commands and queries become ready by themselves"):
        for url in (stack.command_url, stack.query_url):
            wait_until(partial(_is_ready, url), timeout=_READY_SECONDS, what=f"{url} is ready")
    with subtests.test("every process answers that it is ready"):
        for role in _ROLES:
            wait_until(partial(_is_ready_inside, stack, role), timeout=60, what=role)
    with subtests.test("no process is root, writes to its image or has a capability"):
        _check_confinement(stack)
    with subtests.test("the demonstration passes, in a container of its own"):
        _check_demonstration(stack)
    with subtests.test("the example worker stands by in a container of its own"):
        stack.compose("--profile", "worker", "up", "--detach", "--no-deps", "worker")
        wait_until(lambda: "works for" in _logs(stack, "worker"), timeout=60, what="the worker works")
    with subtests.test("after a restart of PostgreSQL and Valkey, the same processes go on"):
        stack.compose("restart", "postgres", "valkey")
        await _check_recovery(stack)
    with subtests.test("asked to stop, a process ends with exit code 0"):
        stack.compose("stop", *_ROLES)
        for role in _ROLES:
            assert run("docker", "inspect", "--format", "{{.State.ExitCode}}", _container(stack, role)).strip() == "0"


def _check_confinement(stack: Stack) -> None:
    for role in _ROLES:
        assert stack.execute(role, "id", "-u").strip() == "10001"
        status = stack.execute(role, "cat", "/proc/1/status")
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        with pytest.raises(AssertionError, match="Read-only file system"):
            stack.execute(role, "touch", "/app/written")


def _check_demonstration(stack: Stack) -> None:
    options = ["--no-deps"] if is_podman() else []
    told = json.loads(stack.compose("--profile", "demo", "run", "--rm", "-T", *options, "demo", *_DEMO).strip())
    assert told["state"] == "completed"
    assert len(told["artifacts"]) == 3
    assert told["agreement"]["task_events"] >= 5
    milliseconds = [hop["milliseconds"] for hop in told["hops"]]
    assert len(milliseconds) >= 4
    assert all(each > 0 for each in milliseconds)


async def _check_recovery(stack: Stack) -> None:
    async with BureauClient(stack.command_url, stack.api_key, stack.query_url) as client:

        async def finish_a_task() -> bool:
            receipt = await client.submit_task("log-analyst", "2026-01-01T00:00:00Z ERROR no disk")
            task = await client.wait_for_task(receipt.task_id)
            return task.status.state == "completed"

        for url in (stack.command_url, stack.query_url):
            await poll_until(partial(_is_ready, url), timeout=60, what=f"{url} is ready")
        assert await finish_a_task()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=5) as response:  # noqa: S310 - http, built above
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _is_ready_inside(stack: Stack, service: str) -> bool:
    try:
        stack.execute(service, "python", "-c", _ASK_READY)
    except AssertionError:
        return False
    return True


def _logs(stack: Stack, service: str) -> str:
    container = _container(stack, service)
    return run("sh", "-c", f"docker logs {container} 2>&1")


def _container(stack: Stack, service: str) -> str:
    """Return a container's id; labels are the same with Docker and Podman."""
    labels = (f"com.docker.compose.project={stack.project}", f"com.docker.compose.service={service}")
    filters = [argument for label in labels for argument in ("--filter", f"label={label}")]
    found = run("docker", "ps", "--all", "--quiet", *filters).split()
    assert len(found) == 1, f"{service}: {found}"
    return found[0]
