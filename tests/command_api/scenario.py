"""What the command API's tests do again and again: send commands, look at what was written, judge an error."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
from fastapi import FastAPI

from infrastructure.postgres import Pool

__all__ = [
    "API",
    "AT_ONCE",
    "Snapshot",
    "assert_error",
    "bearer",
    "expire_lease",
    "find_event",
    "lease_one",
    "nothing_written",
    "read_events",
    "register_agent",
    "replace_ports",
    "replace_services",
    "send_json",
    "submit_task",
    "take_snapshot",
    "user_message",
    "work_on",
]

API = "/api/v1"

AT_ONCE = {"base_seconds": 0}
"""A retry policy without a delay."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that commands write; two of them are equal where nothing was written in between."""

    aggregates: str
    events: int
    receipts: int
    messages: int


async def take_snapshot(pool: Pool) -> Snapshot:
    row = await pool.fetchrow(
        "SELECT (SELECT coalesce(json_agg(a ORDER BY a.id), '[]')::text FROM write.aggregates a),"
        " (SELECT count(*) FROM log.events), (SELECT count(*) FROM write.receipts),"
        " (SELECT count(*) FROM write.messages)"
    )
    assert row is not None
    return Snapshot(*row)


@asynccontextmanager
async def nothing_written(pool: Pool) -> AsyncIterator[None]:
    """Check that aggregates, log, receipts and messages are after the block what they were before."""
    before = await take_snapshot(pool)
    yield
    assert await take_snapshot(pool) == before


async def read_events(pool: Pool, aggregate_id: str) -> list[dict[str, Any]]:
    """Return the envelopes of an aggregate, oldest first."""
    rows = await pool.fetch(
        "SELECT envelope FROM log.events WHERE aggregate_id = $1::text::uuid ORDER BY position", aggregate_id
    )
    return [json.loads(row["envelope"]) for row in rows]


async def find_event(pool: Pool, aggregate_id: str, event_type: str) -> dict[str, Any] | None:
    """Return the last envelope of a type, None where there is none yet."""
    events = [event for event in await read_events(pool, aggregate_id) if event["type"] == event_type]
    return events[-1] if events else None


def bearer(api_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}"}


def assert_error(
    response: httpx2.Response,
    status: int,
    code: str,
    *,
    path: str | None = None,
    is_retryable: bool = False,
) -> dict[str, Any]:
    """Check the one error shape in full, and return the error."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    assert error.keys() == {"code", "message", "details", "request_id", "retryable"}
    assert error["code"] == code
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["retryable"] is is_retryable
    assert error["request_id"] == response.headers["x-request-id"]
    assert response.headers["x-correlation-id"]
    assert all(detail.keys() == {"path", "code", "message"} for detail in error["details"])
    if path is not None:
        assert path in [detail["path"] for detail in error["details"]], error["details"]
    return error


def user_message(text: str = "hello", **fields: object) -> dict[str, Any]:
    return {"message_id": "m-1", "role": "user", "parts": [{"text": text}], **fields}


async def register_agent(client: httpx2.AsyncClient, name: str = "analyst", **body: object) -> dict[str, Any]:
    response = await client.post(f"{API}/agents", json={"name": name, **body})
    assert response.status_code == 201, response.text
    receipt: dict[str, Any] = response.json()
    return receipt


async def submit_task(client: httpx2.AsyncClient, agent: str = "analyst", **body: object) -> dict[str, Any]:
    response = await client.post(f"{API}/tasks", json={"agent": agent, "message": user_message(), **body})
    assert response.status_code == 201, response.text
    receipt: dict[str, Any] = response.json()
    return receipt


async def lease_one(client: httpx2.AsyncClient, agent: str = "analyst", **body: object) -> dict[str, Any]:
    """Lease exactly one task."""
    response = await client.post(f"{API}/leases", json={"agents": [agent], "worker": "worker-1", **body})
    assert response.status_code == 200, response.text
    (lease,) = response.json()["data"]
    assert isinstance(lease, dict)
    return lease


async def work_on(
    client: httpx2.AsyncClient,
    lease: Mapping[str, Any],
    verb: str,
    body: Mapping[str, Any] | None = None,
    **headers: str,
) -> httpx2.Response:
    """Send a worker's call about a leased task."""
    return await client.post(
        f"{API}/tasks/{lease['task_id']}/{verb}",
        json=body,
        headers={"Lease-Token": str(lease["lease_token"]), **headers},
    )


async def send_json(
    client: httpx2.AsyncClient, path: str, body: object, method: str = "POST", **headers: str
) -> httpx2.Response:
    """Send a body as JSON in ASCII, in which any text can be written; bytes go out as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.request(
        method, f"{API}{path}", content=content, headers={"Content-Type": "application/json", **headers}
    )


async def expire_lease(pool: Pool, task_id: str) -> None:
    """Let a task's lease run out at once, as if its time had passed; the scheduler finds it at its next look."""
    await pool.execute(
        "UPDATE write.aggregates SET state = state || jsonb_build_object('due_at', 0, 'lease',"
        " (state -> 'lease') || '{\"expires_at\": \"2026-01-01T00:00:00Z\"}') WHERE id = $1::text::uuid",
        task_id,
    )


def replace_services(application: FastAPI, **parts: object) -> None:
    """Put other functions in the place of some that the routes use."""
    application.state.services = replace(application.state.services, **parts)


def replace_ports(application: FastAPI, **ports: Callable[..., object]) -> None:
    """Put other functions in the place of some that `handle_command` uses."""
    replace_services(application, commands=replace(application.state.services.commands, **ports))
