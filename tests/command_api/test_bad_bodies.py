"""Bodies that are too large, no JSON, of another type, or say the wrong thing: refused before anything is decided."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from infrastructure.postgres import Pool
from tests.command_api.conftest import MAX_BODY_BYTES
from tests.command_api.scenario import (
    API,
    assert_error,
    bearer,
    nothing_written,
    register_agent,
    send_json,
    submit_task,
    user_message,
)

TASK = {"agent": "analyst", "message": user_message()}
UNKNOWN = "01a1ff4e-7a00-7000-8000-00000000000b"
LEASE = {"Lease-Token": "1.x"}


def task_with(metadata: str) -> bytes:
    """Return a task whose metadata is this text, JSON or not."""
    return json.dumps(TASK).encode()[:-1] + b', "metadata": ' + metadata.encode() + b"}"


MALFORMED: dict[str, bytes] = {
    "truncated object": b'{"agent": "analyst"',
    "truncated text": b'{"agent": "anal',
    "truncated escape": b'{"agent": "\\u00',
    "bare word": b"analyst",
    "two values": b"{} {}",
    "trailing comma": b'{"agent": "analyst",}',
    "single quotes": b"{'agent': 'analyst'}",
    "comment": b'{"agent": "analyst"} // a',
    "NaN": task_with('{"n": NaN}'),
    "Infinity": task_with('{"n": -Infinity}'),
    "number beyond doubles": task_with('{"n": 1e400}'),
    "number of 5000 digits": task_with('{"n": ' + "9" * 5000 + "}"),
    "leading zero": task_with('{"n": 01}'),
    "byte order mark": b"\xef\xbb\xbf{}",
    "invalid UTF-8": b'{"agent": "\xff"}',
    "overlong UTF-8": b'{"agent": "\xc0\x80"}',
    "surrogate in UTF-8": b'{"agent": "\xed\xa0\x80"}',
    "UTF-16": '{"agent": "analyst"}'.encode("utf-16"),
    "raw U+0000": b'{"agent": "a\x00b"}',
    "raw control character": b'{"agent": "a\nb"}',
    "only space": b"  ",
    "compressed": b"\x1f\x8b\x08\x00",
}
TOO_DEEP = {
    **{
        f"nested {depth} deep": task_with('{"deep": ' + "[" * depth + "]" * depth + "}")
        for depth in (99, 250, 260, 1000, 1030, 30_000)
    },
    "objects nested deep": task_with('{"a":' * 2000 + "1" + "}" * 2000),
    "nested deep with an escape": task_with('{"\\u0061": ' + "[" * 990 + "]" * 990 + "}"),
    "never closed": b"[" * 60_000,
}


async def test_what_is_not_json_is_malformed(
    command_client: httpx2.AsyncClient, store: Pool, subtests: pytest.Subtests
) -> None:
    await register_agent(command_client)
    async with nothing_written(store):
        for what, body in MALFORMED.items():
            with subtests.test(what):
                assert_error(await send_json(command_client, "/tasks", body), 400, "malformed_json", path="body")


async def test_what_is_nested_too_deep_is_told_as_that(
    command_client: httpx2.AsyncClient, store: Pool, subtests: pytest.Subtests
) -> None:
    await register_agent(command_client)
    async with nothing_written(store):
        for what, body in TOO_DEEP.items():
            with subtests.test(what):
                assert_error(await send_json(command_client, "/tasks", body), 422, "body_too_deep", path="body")


async def test_json_of_a_decent_depth_comes_through_to_the_worker(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)
    metadata = '{"deep": ' + "[" * 98 + "]" * 98 + "}"

    assert (await send_json(command_client, "/tasks", task_with(metadata))).status_code == 201

    leased = await command_client.post(f"{API}/leases", json={"agents": ["analyst"], "worker": "w"})
    assert leased.json()["data"][0]["metadata"] == json.loads(metadata)


WRONG: list[tuple[str, str, object, str]] = [
    ("POST", "/agents", None, "body"),
    ("POST", "/agents", {}, "body.name"),
    ("POST", "/agents", [], "body"),
    ("POST", "/agents", "analyst", "body"),
    ("POST", "/agents", {"name": 5}, "body.name"),
    ("POST", "/agents", {"name": ""}, "body.name"),
    ("POST", "/agents", {"name": "a b"}, "body.name"),
    ("POST", "/agents", {"name": "a" * 64}, "body.name"),
    ("POST", "/agents", {"name": UNKNOWN}, "body.name"),
    ("POST", "/agents", {"name": "a", "nam": "b"}, "body.nam"),
    ("POST", "/agents", {"name": "a", "card": "b"}, "body.card"),
    ("POST", "/agents", {"name": "a", "card": {"skills": [{"id": "s"}]}}, "body.card.skills.0.name"),
    ("POST", "/agents", {"name": "a", "card": {"name": "b"}}, "body.card.name"),
    ("POST", "/agents", {"name": "a", "policy": {"max_attempts": 0}}, "body.policy.max_attempts"),
    ("POST", "/agents", {"name": "a", "policy": {"lease_seconds": "long"}}, "body.policy.lease_seconds"),
    ("PATCH", f"/agents/{UNKNOWN}", {"status": "active"}, "body.status"),
    ("POST", f"/agents/{UNKNOWN}/pause", {"reason": ""}, "body.reason"),
    ("POST", f"/agents/{UNKNOWN}/retire", {"reason": ["r"]}, "body.reason"),
    ("POST", "/tasks", {"message": user_message()}, "body.agent"),
    ("POST", "/tasks", {**TASK, "agent": 5}, "body.agent"),
    ("POST", "/tasks", {**TASK, "agent": None}, "body.agent"),
    ("POST", "/tasks", {**TASK, "agent": "a b"}, "body.agent"),
    ("POST", "/tasks", {**TASK, "message": "hello"}, "body.message"),
    ("POST", "/tasks", {**TASK, "message": user_message(role="agent")}, "body.message"),
    ("POST", "/tasks", {**TASK, "message": user_message(role="system")}, "body.message.role"),
    ("POST", "/tasks", {**TASK, "message": user_message(parts=[])}, "body.message.parts"),
    ("POST", "/tasks", {**TASK, "message": user_message(parts=[{}])}, "body.message.parts.0"),
    ("POST", "/tasks", {**TASK, "message": user_message(parts=[{"raw": "?"}])}, "body.message.parts.0.raw"),
    (
        "POST",
        "/tasks",
        {**TASK, "message": user_message(parts=[{"text": "a"}, {"text": 1}])},
        "body.message.parts.1.text",
    ),
    ("POST", "/tasks", {**TASK, "message": user_message(message_id="a b")}, "body.message.message_id"),
    ("POST", "/tasks", {**TASK, "message": user_message(metadata=[])}, "body.message.metadata"),
    ("POST", "/tasks", {**TASK, "priority": 10}, "body.priority"),
    ("POST", "/tasks", {**TASK, "priority": 10**30}, "body.priority"),
    ("POST", "/tasks", {**TASK, "priority": 1.5}, "body.priority"),
    ("POST", "/tasks", {**TASK, "deadline": "1900000000"}, "body.deadline"),
    ("POST", "/tasks", {**TASK, "deadline": "2030-01-01T00:00:00"}, "body.deadline"),
    ("POST", "/tasks", {**TASK, "metadata": None}, "body.metadata"),
    ("POST", "/tasks", {**TASK, "context_id": "a b"}, "body.context_id"),
    ("POST", "/tasks", {**TASK, "reference_task_ids": ["t"]}, "body.reference_task_ids.0"),
    ("POST", "/tasks", {**TASK, "task_id": UNKNOWN}, "body.task_id"),
    ("POST", "/leases", {"agents": [], "worker": "w"}, "body.agents"),
    ("POST", "/leases", {"agents": ["a"] * 51, "worker": "w"}, "body.agents"),
    ("POST", "/leases", {"agents": "a", "worker": "w"}, "body.agents"),
    ("POST", "/leases", {"agents": ["a", "b c"], "worker": "w"}, "body.agents.1"),
    ("POST", "/leases", {"agents": ["a"], "worker": ""}, "body.worker"),
    ("POST", "/leases", {"agents": ["a"], "worker": "w", "max_tasks": 0}, "body.max_tasks"),
    ("POST", "/leases", {"agents": ["a"], "worker": "w", "wait_seconds": 31}, "body.wait_seconds"),
    ("POST", "/leases", {"agents": ["a"], "worker": "w", "lease_seconds": 3601}, "body.lease_seconds"),
    ("POST", f"/tasks/{UNKNOWN}/heartbeat", {"lease_seconds": 0}, "body.lease_seconds"),
    ("POST", f"/tasks/{UNKNOWN}/progress", {"fraction": 1.01}, "body.fraction"),
    ("POST", f"/tasks/{UNKNOWN}/progress", {"fraction": -0.01}, "body.fraction"),
    ("POST", f"/tasks/{UNKNOWN}/progress", {"message": user_message()}, "body.message"),
    ("POST", f"/tasks/{UNKNOWN}/progress", {"usage": {"cost": "NaN"}}, "body.usage.cost"),
    ("POST", f"/tasks/{UNKNOWN}/progress", {"usage": {"currency": "usd"}}, "body.usage.currency"),
    ("POST", f"/tasks/{UNKNOWN}/progress", None, "body"),
    ("POST", f"/tasks/{UNKNOWN}/artifacts", {"artifact": {"artifact_id": "a", "parts": []}}, "body.artifact"),
    ("POST", f"/tasks/{UNKNOWN}/artifacts", {"artifact": {"parts": [{"text": "a"}]}}, "body.artifact.artifact_id"),
    ("POST", f"/tasks/{UNKNOWN}/complete", {"messages": []}, "body.messages"),
    ("POST", f"/tasks/{UNKNOWN}/fail", {"reason": "r"}, "body.code"),
    ("POST", f"/tasks/{UNKNOWN}/fail", {"code": "c", "reason": ""}, "body.reason"),
]


async def test_a_body_that_says_the_wrong_thing_is_told_where(
    command_client: httpx2.AsyncClient, store: Pool, subtests: pytest.Subtests
) -> None:
    await register_agent(command_client)
    async with nothing_written(store):
        for method, path, body, where in WRONG:
            with subtests.test(f"{path} {where}"):
                response = await send_json(command_client, path, body, method, **LEASE)
                error = assert_error(response, 422, "invalid_request", path=where)
                assert where in error["message"] or len(error["details"]) > 1


async def test_several_mistakes_are_told_at_once(command_client: httpx2.AsyncClient) -> None:
    response = await send_json(command_client, "/agents", {"name": "a b", "x": 1, "policy": {"max_attempts": 0}})

    error = assert_error(response, 422, "invalid_request")
    assert {detail["path"] for detail in error["details"]} == {"body.name", "body.x", "body.policy.max_attempts"}


async def test_a_body_over_the_limit_is_refused_however_it_comes(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    body = json.dumps({**TASK, "message": user_message("a" * MAX_BODY_BYTES)}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    headers = {"Content-Type": "application/json"}
    async with nothing_written(store):
        assert_error(await send_json(command_client, "/tasks", body), 413, "body_too_large")
        chunked = await command_client.post(f"{API}/tasks", content=chunks(), headers=headers)
        assert "content-length" not in chunked.request.headers
        assert_error(chunked, 413, "body_too_large")
        for length in ("9" * 5000, str(MAX_BODY_BYTES + 1), "-1", "abc"):
            response = await send_json(command_client, "/tasks", TASK, **{"Content-Length": length})
            assert_error(response, 413, "body_too_large")
        understated = await send_json(command_client, "/tasks", body, **{"Content-Length": "10"})
        assert_error(understated, 413, "body_too_large")


async def test_a_body_of_exactly_the_limit_is_read(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)
    empty = json.dumps({**TASK, "message": user_message("")}).encode()
    text = "a" * (MAX_BODY_BYTES - len(empty))

    await submit_task(command_client)
    response = await send_json(command_client, "/tasks", {**TASK, "message": user_message(text)})
    assert response.status_code == 201


async def test_a_body_that_is_not_said_to_be_json_is_not_read(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)

    async with nothing_written(store):
        for media_type in ("", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"):
            response = await send_json(command_client, "/tasks", TASK, **{"Content-Type": media_type})
            assert_error(response, 415, "unsupported_media_type")


async def test_parameters_of_the_media_type_do_not_matter(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)

    media_type = "Application/JSON; charset=utf-8"
    assert (await send_json(command_client, "/tasks", TASK, **{"Content-Type": media_type})).status_code == 201


async def test_a_bug_tells_the_client_nothing_but_the_request_id(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str, store: Pool
) -> None:
    def fail() -> None:
        raise RuntimeError("the secret password")

    application.add_api_route(f"{API}/broken", fail)
    with capture_logs() as logged:
        async with nothing_written(store):
            response = await command_client.get(f"{API}/broken", headers=bearer(api_key) | {"X-Request-Id": "r-1"})

    error = assert_error(response, 500, "internal")
    assert error["request_id"] == "r-1"
    assert "password" not in response.text
    assert [(line["event"], line["request_id"]) for line in logged] == [("request failed", "r-1")]
