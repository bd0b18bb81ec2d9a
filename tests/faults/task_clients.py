"""Tasks over HTTP: submitters and workers, who repeat what was not answered under its key, at the next of the APIs.

Each command's key is its correlation id too, so that its events name it. Everything that a worker writes says who it
is and in which attempt, so that the log tells whether it had the task.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx2
import orjson

from tests.faults.journal import Acknowledged, Journal, last_number, open_journal, write
from tests.polling import let_pass

__all__ = ["AGENT", "run_task_clients"]

AGENT = "stormy"
_SUBMITTERS, _WORKERS = "ab", "stuvw"
_LEASE_SECONDS = 1
_POLICY = {"max_attempts": 100, "retry": {"base_seconds": 0.1, "factor": 1}}
_RETRIED = frozenset({429, 502, 503, 504})


class Answer(NamedTuple):
    """What a command was answered with, and when the try was sent that was."""

    status: int
    body: Mapping[str, Any]
    sent: float


@dataclass(frozen=True, slots=True)
class Line:
    """The way to the APIs, and where answers are noted."""

    http: httpx2.AsyncClient
    urls: Sequence[str]
    journal: Journal


async def run_task_clients(environment: Mapping[str, str]) -> None:
    """Submit tasks and work on them without end; a new process repeats the last submissions of the one before it."""
    slot, pause = environment["SLOT"], float(environment["TASK_PAUSE"])
    path = Path(environment["JOURNALS"], f"{slot}.journal")
    firsts = {name: max(0, last_number(path, f"submit-{slot}{name}") - 2) for name in _SUBMITTERS}
    headers = {"Authorization": f"Bearer {environment['API_KEY']}", "Content-Type": "application/json"}
    async with httpx2.AsyncClient(headers=headers, timeout=20) as http, asyncio.TaskGroup() as group:
        line = Line(http, environment["API_URLS"].split(), open_journal(path))
        await send(line, "register-stormy", "/agents", {"name": AGENT, "policy": _POLICY})
        for name in _SUBMITTERS:
            group.create_task(_submit_all(line, f"{slot}{name}", firsts[name], pause))
        for name in _WORKERS:
            group.create_task(_work(line, f"{slot}{name}-{time.monotonic_ns()}"))


async def send(line: Line, key: str, path: str, body: Mapping[str, Any], lease: str = "", first: int = 0) -> Answer:
    """Send a command until it is answered for good, each try to the next API, and note the answer."""
    headers = {"Idempotency-Key": f'"{key}"', "X-Correlation-Id": key} | ({"Lease-Token": lease} if lease else {})
    content = orjson.dumps(body)
    number = first
    while (answer := await _try(line, line.urls[number % len(line.urls)] + f"/api/v1{path}", content, headers)) is None:
        number += 1
        await asyncio.sleep(0.05)
    code = answer.body.get("error", {}).get("code", "")
    places = [] if code else _places(answer.body)
    write(line.journal, Acknowledged(key, answer.status, code, answer.sent, 0.0, _events(key, places), places))
    return answer


async def _try(line: Line, url: str, content: bytes, headers: Mapping[str, str]) -> Answer | None:
    """Send once; None where nobody answered, or to say that it has to be sent again."""
    sent = time.monotonic()
    try:
        response = await line.http.post(url, content=content, headers=headers)
    except httpx2.TransportError:
        return None
    body = orjson.loads(response.content)
    is_contested = body.get("error", {}).get("code") == "version_conflict"
    return None if is_contested or response.status_code in _RETRIED else Answer(response.status_code, body, sent)


def _places(body: Mapping[str, Any]) -> list[str]:
    """Return `task/generation` of what an answer speaks of: one task, or leases."""
    tasks = body.get("data", [body] if "task_id" in body else [])
    return [f"{task['task_id']}/{task['generation']}" for task in tasks]


def _events(key: str, places: Sequence[str]) -> int:
    """Return how many events a command has that was carried out: a heartbeat has none."""
    return 0 if key.startswith("beat-") else 1 if key.startswith("register-") else len(places)


def _message(role: str, text: str) -> dict[str, Any]:
    return {"message_id": f"m-{text.replace(' ', '-')}", "role": role, "parts": [{"text": text}]}


async def _submit_all(line: Line, name: str, first: int, pause: float) -> None:
    for number in count(first):
        key = f"submit-{name}-{number}"
        randomness = Random(key)
        body = {"agent": AGENT, "message": _message("user", key), "priority": randomness.randint(0, 9)}
        if randomness.random() < 0.1:  # the same command at both APIs at once: one task
            answers = await asyncio.gather(*(send(line, key, "/tasks", body, first=at) for at in (0, 1)))
        else:
            answers = [await send(line, key, "/tasks", body, first=number)]
        if answers[0].status == 201 and randomness.random() < 0.15:  # races the worker that has it
            await let_pass(randomness.uniform(0.0, 0.5))
            await send(line, f"cancel-{key}", f"/tasks/{answers[0].body['task_id']}/cancel", {}, first=number)
        await asyncio.sleep(pause)


async def _work(line: Line, worker: str) -> None:
    body = {"agents": [AGENT], "worker": worker, "lease_seconds": _LEASE_SECONDS, "wait_seconds": 1}
    for number in count():
        answer = await send(line, f"lease-{worker}-{number}", "/leases", body, first=number)
        for lease in answer.body.get("data", []):
            await _do(line, worker, lease, Random(f"{worker}-{number}"))


async def _do(line: Line, worker: str, lease: Mapping[str, Any], randomness: Random) -> None:
    """Work on a task: say so, renew the lease, sleep past it or forget it now and then, and end it somehow."""
    task, token, who = f"/tasks/{lease['task_id']}", lease["lease_token"], f"{worker} {lease['attempt']}"
    own = f"{worker}-{lease['task_id']}-{lease['attempt']}"
    message = {"message": _message("agent", who)}
    told = await send(line, f"progress-{own}", f"{task}/progress", message | {"fraction": 0.5}, token)
    if told.status >= 400 or randomness.random() < 0.05:
        return
    if randomness.random() < 0.3:
        await send(line, f"beat-{own}", f"{task}/heartbeat", {}, token)
    if randomness.random() < 0.08:
        await let_pass(randomness.uniform(0.5, 3.0) * _LEASE_SECONDS)
    if randomness.random() < 0.15:
        failure = {"code": "storm", "reason": who, "retryable": True}
        await send(line, f"fail-{own}", f"{task}/fail", message | failure, token)
    else:
        await send(line, f"complete-{own}", f"{task}/complete", message, token)
