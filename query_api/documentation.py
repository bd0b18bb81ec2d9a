"""What OpenAPI says of every query: its headers, its errors and an example. Adds routes, decides nothing."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Response
from pydantic import BaseModel

from infrastructure.web.application import documented_errors

__all__ = [
    "AGENTS_EXAMPLE",
    "AGENT_EXAMPLE",
    "TASKS_EXAMPLE",
    "TASK_EXAMPLE",
    "TIMELINE_EXAMPLE",
    "Described",
    "add_query",
]


class Described(NamedTuple):
    """What OpenAPI shows of a route's answer: the bytes themselves go out as they are stored."""

    model: type[BaseModel]
    summary: str
    example: Mapping[str, Any]


type Endpoint = Callable[..., Coroutine[Any, Any, Response]]

_AGENT_ID: Final = "0198c2a4-6f00-7d2e-9a53-0d4f1c7be001"
_TASK_ID: Final = "0198c2a4-7a10-7c11-8e0a-52d9b3e4a102"
_SUBMITTED: Final = "2026-11-20T09:30:00.125000Z"
_FINISHED: Final = "2026-11-20T09:30:02.480000Z"

_AGENT_SUMMARY: Final = {
    "agent_id": _AGENT_ID,
    "name": "log-analyst",
    "description": "Finds what matters in a log.",
    "status": "active",
    "skills": ["analyse-log"],
    "generation": 1,
    "registered_at": _SUBMITTED,
    "updated_at": _SUBMITTED,
}
AGENTS_EXAMPLE: Final[Mapping[str, Any]] = {"data": [_AGENT_SUMMARY], "next_cursor": None, "has_more": False}
"""A page of agents."""

AGENT_EXAMPLE: Final[Mapping[str, Any]] = {
    "agent_id": _AGENT_ID,
    "workspace_id": "default",
    "name": "log-analyst",
    "status": "active",
    "status_reason": None,
    "card": {"description": "Finds what matters in a log.", "version": "1"},
    "policy": {"lease_seconds": 60, "max_attempts": 3},
    "generation": 1,
    "registered_at": _SUBMITTED,
    "updated_at": _SUBMITTED,
}
"""An agent, whole."""

_TASK_SUMMARY: Final = {
    "task_id": _TASK_ID,
    "context_id": "incident-42",
    "agent_id": _AGENT_ID,
    "state": "completed",
    "title": "Why were we slow this morning?",
    "priority": 5,
    "attempt": 1,
    "progress": 1.0,
    "generation": 4,
    "submitted_at": _SUBMITTED,
    "updated_at": _FINISHED,
    "finished_at": _FINISHED,
}
TASKS_EXAMPLE: Final[Mapping[str, Any]] = {"data": [_TASK_SUMMARY], "next_cursor": "lx0…", "has_more": True}
"""A page of tasks."""

TASK_EXAMPLE: Final[Mapping[str, Any]] = {
    **{name: value for name, value in _TASK_SUMMARY.items() if name not in {"state", "title"}},
    "workspace_id": "default",
    "status": {"state": "completed", "message": None, "timestamp": _FINISHED},
    "max_attempts": 3,
    "worker": "analyst-1",
    "failure": None,
    "cancel_reason": None,
    "usage": {"tool_calls": 2, "duration_ms": 2210},
    "metadata": {},
    "reference_task_ids": [],
    "messages": [{"message_id": "m-1", "role": "user", "parts": [{"text": "Why were we slow this morning?"}]}],
    "artifacts": [{"artifact_id": "report", "name": "Report", "parts": [{"text": "# Slow requests"}]}],
}
"""A task with its content."""

TIMELINE_EXAMPLE: Final[Mapping[str, Any]] = {
    "data": [
        {
            "task_id": _TASK_ID,
            "generation": 1,
            "event_id": "0198c2a4-7a11-7a00-b7f2-3f2f6f0c9d11",
            "type": "task.submitted",
            "time": _SUBMITTED,
            "data": {"agent_id": _AGENT_ID, "priority": 5},
        }
    ],
    "next_cursor": None,
    "has_more": False,
}
"""A page of a task's changes."""


def _header_parameter(name: str, description: str, example: str) -> dict[str, Any]:
    """Return a request header as OpenAPI describes it."""
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
        "example": example,
    }


def _headers(**descriptions: str) -> dict[str, Any]:
    """Return answer headers as OpenAPI describes them; an underscore stands for a dash."""
    return {
        name.replace("_", "-"): {"description": description, "schema": {"type": "string"}}
        for name, description in descriptions.items()
    }


_REQUEST_HEADERS: Final = [
    _header_parameter(
        "Bureau-Consistency",
        "A token that a command answered with: the answer covers it, or says that it does not.",
        "1.3:42",
    ),
    _header_parameter(
        "Prefer",
        "`wait=N`: seconds to wait for the token (2 unless told, 30 at most). `handling=strict`: 503, not stale.",
        "wait=10, handling=strict",
    ),
    _header_parameter("If-None-Match", "ETags that the client has: 304 where one is still right.", '"4f9a…"'),
]
_ANSWER_HEADERS: Final = _headers(
    ETag="Strong; names these bytes.",
    Bureau_Consistency="What this answer covers at least.",
    Bureau_Stale="`true` where the answer may be older than the token sent.",
    Preference_Applied="What was honoured of `Prefer`.",
)
_LINK: Final = _headers(Link='The next page, `rel="next"`, where there is one.')


def _responses(path: str, example: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a query by status."""
    headers = {**_ANSWER_HEADERS, **(_LINK if "data" in example else {})}
    errors = documented_errors(400, 401, *([404] if "{" in path else []), 410, 422, 503)
    return {
        200: {"headers": headers, "content": {"application/json": {"example": dict(example)}}},
        304: {"description": "The client has it already.", "headers": headers},
        **errors,
    }


def add_query(router: APIRouter, path: str, endpoint: Endpoint, described: Described) -> None:
    """Add a route for GET and HEAD."""
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        summary=described.summary,
        response_model=described.model,
        responses=_responses(path, described.example),
        openapi_extra={"parameters": _REQUEST_HEADERS},
    )
    router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
