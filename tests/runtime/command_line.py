"""Running `bureau` in tests as a person or a script does, and looking at what it leaves."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from bureau.embedded import find_free_port
from tests.runtime.children import processes_mentioning

__all__ = ["bureau", "is_ready", "nothing_left", "starting_up"]

_ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0


def bureau(*arguments: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = (sys.executable, "-m", "bureau", *arguments)
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=_ROOT, env=_clean(environment), timeout=_PATIENCE
    )


def _clean(environment: Mapping[str, str] | None = None) -> dict[str, str]:
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
            cwd=_ROOT,
            env=_clean(environment) | {"TEST_MARK": str(directory)},
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


def is_ready(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/ready").is_success
    except httpx2.HTTPError:
        return False
