"""Waiting until every process says that it is ready, and telling why one is not."""

import time
from collections.abc import Callable, Mapping
from typing import Final

import httpx2
from pydantic import ValidationError

from bureau.errors import CommandFailedError
from bureau.supervise import Supervisor
from infrastructure.web.health import Readiness

__all__ = ["wait_for_processes"]

_PAUSE_SECONDS, _MOST_RESTARTS = 0.05, 4
_TELL_SECONDS: Final = 5.0
"""After so long it is told why a process is not ready; so often at most."""
_UNREADY_SECONDS: Final = 900.0
"""So long a process that answers may wait for somebody, as a relay does for a new epoch after a restore."""
_MOST_WORDS: Final = 400


def wait_for_processes(
    supervisor: Supervisor,
    processes: Mapping[str, str],
    say: Callable[[str], None],
    *,
    timeout_seconds: float = 60.0,
) -> None:
    """Return when every process (name to address) answers 200 on /ready.

    Raises CommandFailedError where one keeps ending or does not answer in time; one that answers, and says why it is
    not ready, is waited for longer, and its words are passed on.
    """
    started = told = time.monotonic()
    with httpx2.Client(timeout=2.0) as client:
        while waiting := _find_unready(client, processes):
            broken = [state.name for state in supervisor.states() if state.restarts >= _MOST_RESTARTS]
            if broken:
                message = f"{' and '.join(broken)} kept ending: the log above says why"
                raise CommandFailedError(message)
            now = time.monotonic()
            bound = _UNREADY_SECONDS if all(waiting.values()) else timeout_seconds
            if now - started > bound:
                message = f"{' and '.join(waiting)} not ready after {bound:g} s: the log above says why"
                raise CommandFailedError(message)
            if now - told > _TELL_SECONDS:
                told = now
                for name, words in waiting.items():
                    say(f"{name} is not ready: {words or 'no answer yet'}")
            time.sleep(_PAUSE_SECONDS)


def _find_unready(client: httpx2.Client, processes: Mapping[str, str]) -> dict[str, str]:
    """Return, by name, why each process that is not ready is not; empty words where it does not answer."""
    answers = {name: _ask(client, address) for name, address in processes.items()}
    return {name: words for name, words in answers.items() if words is not None}


def _ask(client: httpx2.Client, address: str) -> str | None:
    """Return None where the process is ready, else why not, nothing where it does not answer."""
    try:
        answer = client.get(f"{address}/ready")
        if answer.is_success:
            return None
        readiness = Readiness.model_validate_json(answer.content)
    except (httpx2.HTTPError, ValidationError):
        return ""
    down = [f"{name}: {each.error}" for name, each in readiness.dependencies.items() if each.state != "up"]
    return "; ".join(down)[:_MOST_WORDS]
