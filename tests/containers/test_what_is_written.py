"""Files that no compiler reads: the guide, compose.yaml, .env.example and the build's allow-list hold what they say."""

import re
from typing import Any

import pytest
import yaml

from infrastructure.settings import Settings
from tests.containers.engine import ROOT

_GUIDE = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
_COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
_DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
_SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(_COMPOSE)["services"]


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_stands_in_the_table_with_its_default(name: str) -> None:
    field = Settings.model_fields[name]
    row = re.search(rf"^\| `{field.alias}` \| (?P<default>.*?) \|", _GUIDE, flags=re.MULTILINE)
    assert row is not None, f"docs/containers.md has no row for {field.alias}"
    default = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else str(field.default)
    assert row["default"] == (f"`{default}`" if default else "none")


def test_the_table_names_nothing_that_does_not_exist() -> None:
    known = {field.alias for field in Settings.model_fields.values()} | set(re.findall(r"\$\{([A-Z_]+)", _COMPOSE))
    assert set(re.findall(r"^\| `([A-Z_]+)`", _GUIDE, flags=re.MULTILINE)) <= known


def test_every_variable_of_compose_stands_in_the_guide() -> None:
    assert {name for name in re.findall(r"\$\{([A-Z_]+)", _COMPOSE) if f"`{name}`" not in _GUIDE} == set()


def test_the_example_environment_names_only_variables_that_compose_reads() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z_]+)=", example, flags=re.MULTILINE)) <= set(re.findall(r"\$\{([A-Z_]+)", _COMPOSE))


def test_compose_gives_every_process_every_setting_but_the_bootstrap_key() -> None:
    settings = {str(field.alias) for field in Settings.model_fields.values()}
    for name in ("command-api", "query-api", "relay", "projectors"):
        assert set(_SERVICES[name]["environment"]) == settings - {"BUREAU_API_KEY"}
    assert set(_SERVICES["migrate"]["environment"]) == settings


def test_compose_publishes_ports_on_the_loopback_address_only() -> None:
    published = [port for service in _SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_process_of_compose_is_confined_and_stops_in_time() -> None:
    for name, service in _SERVICES.items():
        if name in {"postgres", "valkey"}:
            continue
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["stop_grace_period"] == "20s", name


def test_the_build_receives_only_what_is_named() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "tests"}
    assert "*" in lines
    assert allowed >= packages
    assert {name for name in allowed if name.startswith(".")} == set()


def test_the_image_runs_as_a_numbered_user_and_ends_on_sigterm() -> None:
    final = _DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER 10001:10001$", final, flags=re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIGTERM$", final, flags=re.MULTILINE)
    assert "--require-hashes" in _DOCKERFILE
