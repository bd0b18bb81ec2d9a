"""Waiting until every process says that it is ready."""

import time
from collections.abc import Mapping

import httpx2

from bureau.errors import CommandFailedError
from bureau.supervise import Supervisor

__all__ = ["wait_for_processes"]

_PAUSE_SECONDS, _MOST_RESTARTS = 0.05, 4


def wait_for_processes(supervisor: Supervisor, processes: Mapping[str, str], *, timeout_seconds: float = 60.0) -> None:
    """Return when every process (name to address) answers 200 on /ready; CommandFailedError when one never does."""
    deadline = time.monotonic() + timeout_seconds
    waiting = dict(processes)
    with httpx2.Client(timeout=2.0) as client:
        while waiting := {name: address for name, address in waiting.items() if not _is_ready(client, address)}:
            names = " and ".join(waiting)
            broken = [state.name for state in supervisor.states() if state.restarts >= _MOST_RESTARTS]
            if broken:
                message = f"{' and '.join(broken)} kept ending: the log above says why"
                raise CommandFailedError(message)
            if time.monotonic() > deadline:
                message = f"{names} not ready after {timeout_seconds:g} s: the log above says why"
                raise CommandFailedError(message)
            time.sleep(_PAUSE_SECONDS)


def _is_ready(client: httpx2.Client, address: str) -> bool:
    try:
        return client.get(f"{address}/ready").is_success
    except httpx2.HTTPError:
        return False
