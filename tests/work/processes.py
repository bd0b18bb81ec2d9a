"""The service and its workers as real processes, which a test may kill, stop and continue."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx2

from bureau.embedded import find_free_port
from infrastructure.settings import Settings
from tests.polling import wait_until

__all__ = ["Crew", "Running", "open_crew", "run_roles"]

LEASE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Running:
    """A role of the service that runs, and its address."""

    process: "subprocess.Popen[bytes]"
    url: str


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/ready", timeout=2).status_code == 200
    except httpx2.TransportError:
        return False


@contextmanager
def run_roles(settings: Settings, *roles: str) -> Iterator[dict[str, Running]]:
    """Run roles of the service as `bureau serve` does; they are ready, and stopped in the end."""
    running: dict[str, Running] = {}
    try:
        for role in roles:
            port = find_free_port()
            environment = {
                **os.environ,
                "DATABASE_URL": settings.database_url.get_secret_value(),
                "REDIS_URL": settings.redis_url.get_secret_value(),
                "BUREAU_SECRET_KEY": settings.secret_key.get_secret_value(),
                "BUREAU_PORT": str(port),
                "BUREAU_LOG_LEVEL": "error",
            }
            words = [sys.executable, "-m", "bureau", "serve", role]
            process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
            running[role] = Running(process, f"http://127.0.0.1:{port}")
        for started in running.values():
            wait_until(partial(_is_ready, started.url), timeout=40, what=started.url)
        yield running
    finally:
        for started in running.values():
            started.process.terminate()
        for started in running.values():
            started.process.wait(20)


@dataclass(slots=True)
class Crew:
    """Workers by name. One that is killed or dismissed is replaced by one with another name."""

    url: str
    api_key: str
    workers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    leaving: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    hired: int = 0

    def hire(self) -> None:
        self.hired += 1
        name = f"worker-{self.hired}"
        words = [sys.executable, "-m", "tests.work.worker", self.url, self.api_key, name, str(LEASE_SECONDS)]
        self.workers[name] = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        process = self.workers.pop(name)
        process.kill()
        process.wait(20)
        self.stopped.discard(name)

    def dismiss(self, name: str) -> None:
        """Ask a worker to end, which hands back what it has."""
        process = self.workers.pop(name)
        process.terminate()
        self.leaving.append(process)

    def stop(self, name: str) -> None:
        self.workers[name].send_signal(signal.SIGSTOP)
        self.stopped.add(name)

    def proceed(self, name: str) -> None:
        if name in self.stopped:
            self.workers[name].send_signal(signal.SIGCONT)
            self.stopped.discard(name)


@contextmanager
def open_crew(url: str, api_key: str, count: int) -> Iterator[Crew]:
    """Hire workers; whoever is left in the end is killed."""
    crew = Crew(url, api_key)
    try:
        for _ in range(count):
            crew.hire()
        yield crew
    finally:
        for name in list(crew.workers):
            crew.kill(name)
        for process in crew.leaving:
            process.wait(20)
