"""A FAKE of the HTTP protocol, only for the client's own unit tests: it decides nothing and keeps everything in a list.

The real service is tested in `test_against_service` and everywhere else. The fake can be told to fail: `faults` are
answered, one a request, before anything else; `lost_answers` does the work and then breaks the connection.
"""

import asyncio
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from client import BureauClient, RetryPolicy
from infrastructure.identifiers import new_id
from tests.polling import poll_until

__all__ = ["FakeService", "Fault", "open_client"]

type Json = Any
NOW = datetime(2026, 11, 22, tzinfo=UTC).isoformat()
QUICK = RetryPolicy(attempts=4, first_pause=0.001, longest_pause=0.002)


@dataclass(frozen=True)
class Fault:
    status: int
    code: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: httpx2.Headers
    parameters: dict[str, str]
    body: Json


@dataclass(frozen=True)
class FakeService:
    seen: list[Seen] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    lost_answers: list[str] = field(default_factory=list)
    receipts: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    queue: deque[dict[str, Any]] = field(default_factory=deque)
    agents: list[str] = field(default_factory=list)
    refusals: dict[str, Fault] = field(default_factory=dict)
    """Verb of a report, such as `heartbeat`, or `leases` → what it is refused with."""
    mute: set[str] = field(default_factory=set)
    """Verbs of reports that are taken and not answered, but for repetitions."""
    lease_seconds: int = 30
    later: list[Json] = field(default_factory=list)
    """Messages behind the submission, for whichever task is leased."""

    def calls(self, ending: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path.endswith(ending)]

    def types(self, task_id: object) -> list[str]:
        return [entry["type"] for entry in self.tasks[str(task_id)]]

    def note(self, task_id: str, event: str, data: Json = None) -> None:
        entries = self.tasks.setdefault(task_id, [])
        entries.append(
            {
                "task_id": task_id,
                "generation": len(entries) + 1,
                "event_id": str(new_id()),
                "type": f"task.{event}",
                "time": NOW,
                "data": data or {},
            }
        )

    def state(self, task_id: str) -> str:
        last = self.tasks[task_id][-1]["type"].removeprefix("task.")
        return last if last in {"submitted", "completed", "failed", "canceled", "rejected"} else "working"


def open_client(service: FakeService, **options: Json) -> BureauClient:
    settings: dict[str, Any] = {"retries": QUICK} | options
    return BureauClient("http://fake", "key", transport=lambda: _Transport(service), **settings)


class _Transport(httpx2.ASGITransport):
    def __init__(self, service: FakeService) -> None:
        super().__init__(app=_make_application(service))
        self._service = service

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if self._service.lost_answers:
            raise httpx2.ReadError(self._service.lost_answers.pop(), request=request)
        return response


def _make_application(service: FakeService) -> Starlette:
    async def answer(request: Request) -> Response:
        body = await request.json() if request.method != "GET" else None
        path = request.url.path.removeprefix("/api/v1")
        headers = httpx2.Headers(list(request.headers.items()))
        service.seen.append(Seen(request.method, path, headers, dict(request.query_params), body))
        if service.faults:
            return _refuse(service.faults.popleft())
        key = request.headers.get("idempotency-key", "")
        if key in service.receipts:
            return JSONResponse(service.receipts[key], headers={"Idempotent-Replayed": "true"})
        content = await _handle(service, request, path, body)
        if isinstance(content, Fault):
            return _refuse(content)
        if request.method != "GET":
            service.receipts[key] = content
            if path.rsplit("/", 1)[-1] in service.mute:
                await asyncio.Event().wait()
            return JSONResponse(content, headers={"Bureau-Consistency": content.get("consistency") or ""})
        return _with_etag(request, content)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PATCH"])])


def _with_etag(request: Request, content: Json) -> Response:
    etag = f'"{hash(str(content))}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return JSONResponse(content, headers={"ETag": etag})


def _refuse(fault: Fault) -> JSONResponse:
    error = {
        "code": fault.code,
        "message": "no",
        "details": [{"path": "body.name", "code": "x", "message": "bad"}],
        "request_id": "r-1",
        "retryable": fault.status == 503,
    }
    return JSONResponse({"error": error}, status_code=fault.status, headers=fault.headers)


async def _handle(service: FakeService, request: Request, path: str, body: Json) -> Json:
    match [request.method, *path.strip("/").split("/")]:
        case ["POST", "agents"]:
            if body["name"] in service.agents:
                return Fault(409, "agent_name_taken")
            service.agents.append(body["name"])
            return {"agent_id": str(new_id()), "name": body["name"], "status": "active", "generation": 1}
        case ["GET", "agents"]:
            return _page(request, [_agent(name) for name in service.agents])
        case ["POST", "tasks"]:
            task_id = str(new_id())
            service.note(task_id, "submitted")
            service.queue.append(_lease(service, task_id, body["message"]))
            return _receipt(service, task_id)
        case ["POST", "leases"]:
            return service.refusals.get("leases") or await _grant(service, body)
        case ["GET", "tasks", task_id, "timeline"]:
            return _page(request, service.tasks[task_id]) if task_id in service.tasks else Fault(404, "task_not_found")
        case ["POST", "tasks", task_id, verb]:
            return _report(service, task_id, verb, body)
        case _:
            return Fault(404, "not_found")


async def _grant(service: FakeService, body: Json) -> Json:
    if body["wait_seconds"]:
        with suppress(AssertionError):
            await poll_until(lambda: service.queue, timeout=0.05)
    leases = [service.queue.popleft() for _ in range(min(body["max_tasks"], len(service.queue)))]
    for lease in leases:
        service.note(lease["task_id"], "started")
    return {"data": leases, "consistency": None}


def _report(service: FakeService, task_id: str, verb: str, body: Json) -> Json:
    if verb in service.refusals:
        return service.refusals[verb]
    if verb == "heartbeat":
        messages = service.later[body["received"] - 1 :]
        return _receipt(service, task_id) | {"lease_expires_at": NOW, "messages": messages}
    if verb == "acknowledge-cancel":
        return _receipt(service, task_id)
    events = {
        "progress": "progressed",
        "artifacts": "artifact_appended",
        "complete": "completed",
        "fail": "failed",
        "reject": "rejected",
        "release": "released",
    }
    service.note(task_id, events.get(verb, "canceled"), body)
    return _receipt(service, task_id)


def _receipt(service: FakeService, task_id: str) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "context_id": "c",
        "agent_id": str(uuid.UUID(int=1)),
        "state": service.state(task_id),
        "generation": len(service.tasks[task_id]),
        "attempt": 1,
        "consistency": f"1.{len(service.tasks)}:{len(service.tasks[task_id])}",
    }


def _lease(service: FakeService, task_id: str, message: Json) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "agent_id": str(uuid.UUID(int=1)),
        "agent_name": "a",
        "context_id": "c",
        "attempt": 1,
        "max_attempts": 3,
        "generation": 2,
        "lease_token": f"token-{task_id}",
        "lease_seconds": service.lease_seconds,
        "lease_expires_at": NOW,
        "priority": 5,
        "messages": [message],
        "metadata": {},
        "reference_task_ids": [],
    }


def _agent(name: str) -> dict[str, Any]:
    times = {"registered_at": NOW, "updated_at": NOW}
    return {"agent_id": str(uuid.UUID(int=1)), "name": name, "status": "active", "generation": 1, "future": 1, **times}


def _page(request: Request, rows: list[Any]) -> dict[str, Any]:
    start, limit = int(request.query_params.get("cursor", 0)), min(int(request.query_params.get("limit", 2)), 2)
    has_more = len(rows) > start + limit
    return {
        "data": rows[start : start + limit],
        "next_cursor": str(start + limit) if has_more else None,
        "has_more": has_more,
    }
