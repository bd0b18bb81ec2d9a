"""Running `docker` and `docker compose` in tests, with Docker or with Podman behind the same commands."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bureau.embedded import find_free_port
from infrastructure.api_keys import new_api_key
from infrastructure.identifiers import new_id, new_secret

__all__ = ["ROOT", "Stack", "find_missing_engine", "is_podman", "open_stack", "run"]

ROOT = Path(__file__).resolve().parents[2]
_BUILD_SECONDS, _COMMAND_SECONDS = 1800, 300


@dataclass(frozen=True, slots=True)
class Stack:
    """One composed service of a test's own: its project's name, and the environment that compose is given."""

    project: str
    environment: Mapping[str, str]

    @property
    def api_key(self) -> str:
        return self.environment["BUREAU_API_KEY"]

    @property
    def command_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['BUREAU_COMMAND_PORT']}"

    @property
    def query_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['BUREAU_QUERY_PORT']}"

    def compose(self, *arguments: str, seconds: float = _COMMAND_SECONDS) -> str:
        """Run `docker compose …` of this project and return its output; AssertionError where it fails."""
        return run(
            "docker", "compose", "--project-name", self.project, *arguments, env=self.environment, seconds=seconds
        )

    def execute(self, service: str, *command: str) -> str:
        """Run a command inside a service's container and return its output."""
        return self.compose("exec", "-T", service, *command)


def find_missing_engine() -> str:
    """Return why the composed service cannot be tested here, or nothing."""
    if shutil.which("docker") is None:
        return "no docker command on PATH"
    for question in (("docker", "info"), ("docker", "compose", "version")):
        try:
            run(*question, seconds=30)
        except (AssertionError, subprocess.TimeoutExpired, OSError):
            return f"`{' '.join(question)}` gets no answer: no container engine is running"
    return ""


def is_podman() -> bool:
    """Tell whether Podman stands behind `docker`; old ones cannot wait for a container that ends (`migrate`)."""
    return "podman" in run("docker", "--version").lower()


@contextmanager
def open_stack() -> Iterator[Stack]:
    """Build the image and start every process; yield before anything is ready; remove all at the end."""
    suffix = new_id().hex[-12:]
    environment = {
        "BUREAU_VERSION": "test",
        "BUREAU_SECRET_KEY": new_secret(),
        "BUREAU_API_KEY": new_api_key(),
        "POSTGRES_PASSWORD": suffix,
        "BUREAU_COMMAND_PORT": str(find_free_port()),
        "BUREAU_QUERY_PORT": str(find_free_port()),
        "BUILDAH_FORMAT": "docker",  # Podman: keep the health check, which its own format does not know
    }
    stack = Stack(f"bureau-test-{suffix}", environment)
    try:
        stack.compose("build", "migrate", seconds=_BUILD_SECONDS)
        # Podman before version 5 fails to start what depends on a container that has ended. Without dependencies
        # everything starts at once, in any order, and each process has to try again by itself.
        stack.compose("up", "--detach", *(["--no-deps"] if is_podman() else []))
        yield stack
    finally:
        stack.compose("--profile", "worker", "down", "--volumes", "--timeout", "20")


def run(*command: str, env: Mapping[str, str] | None = None, seconds: float = _COMMAND_SECONDS) -> str:
    """Run a program in the project's folder and return its standard output; AssertionError where it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | (env or {}), capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
