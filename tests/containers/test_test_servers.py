"""Where the tests' own servers come from."""

import json
from urllib.parse import urlsplit

import pytest

from tests import servers
from tests.containers.engine import find_missing_engine, run


@pytest.mark.containers
def test_servers_of_tests_come_from_containers_when_an_engine_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := find_missing_engine():
        pytest.skip(reason)
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.delenv("TEST_REDIS_URL", raising=False)
    with servers.open_postgres_server() as (admin_url, _template), servers.open_redis_server(0) as redis_url:
        published = _published_ports()
        assert urlsplit(admin_url).port in published["postgres"]
        assert urlsplit(redis_url).port in published["valkey"]


def _published_ports() -> dict[str, set[int]]:
    """Host ports of the running containers, by the word that their image's name holds."""
    ports: dict[str, set[int]] = {"postgres": set(), "valkey": set()}
    for container in run("docker", "ps", "--quiet").split():
        state = json.loads(run("docker", "inspect", container))[0]
        image = f"{state['Config']['Image']} {state.get('ImageName', '')}"
        bindings = [each for found in (state["NetworkSettings"]["Ports"] or {}).values() for each in found or []]
        for word, known in ports.items():
            if word in image:
                known.update(int(binding["HostPort"]) for binding in bindings)
    return ports
