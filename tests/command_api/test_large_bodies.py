"""Bodies as large as they may be: what they say is kept, and those made to take long are answered in no time."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import orjson
import pytest
from pydantic import BaseModel, TypeAdapter

from command_api import bodies, worker_bodies
from command_api.routes.json_body import read_json
from contracts.record import Record
from infrastructure.postgres import Pool
from infrastructure.settings import Settings
from infrastructure.web.errors import ApiError
from tests.command_api.scenario import (
    assert_error,
    lease_one,
    register_agent,
    send_json,
    submit_task,
    user_message,
    work_on,
)

LONGEST_SECONDS = 0.5
"""Of the processor; alone on it the slowest takes a tenth of a second, and many took seconds."""

NUMBERS = b",".join([b"1"] * 400_000)


def nested(depth: int, times: int) -> bytes:
    return b"[" + b",".join([b"[" * depth + b"]" * depth] * times) + b"]"


def repeated(text: bytes, times: int) -> bytes:
    return b"[" + b",".join([text] * times) + b"]"


TEXTS: dict[str, tuple[bytes, str]] = {
    "numbers": (b"[" + NUMBERS + b"]", ""),
    "lists": (repeated(b"[]", 99_999), ""),
    "too many lists": (repeated(b"[]", 100_000), "body_too_complex"),
    "objects": (repeated(b'{"a":1}', 99_999), ""),
    "too many objects, as deep as they may be": (nested(99, 5_000), "body_too_complex"),
    "lists as deep as they may be": (nested(99, 1_010), ""),
    "lists too deep": (nested(100, 900), "body_too_deep"),
    "lists much too deep": (nested(1_000, 90), "body_too_deep"),
    "brackets in texts": (repeated(b'"' + b"[" * 200 + b'"', 3_000), ""),
    "quotes in texts": (repeated(rb'"\"[\\"', 100_000), ""),
    "a number of nineteen digits": (b"[" + NUMBERS + b",1234567890123456789]", ""),
    "digits in texts": (repeated(b'"12345678901234567890123"', 30_000), ""),
    "a whole number too long": (b"[" + NUMBERS + b",12345678901234567890123]", "invalid_request"),
    "whole numbers too long": (repeated(b"-12345678901234567890123", 30_000), "invalid_request"),
    "a number of a megabyte": (b"1" * 1_000_000, "malformed_json"),
    "an escape": (b'["' + rb"\u0041" + b"x" * 1_000_000 + b'"]', ""),
    "texts with U+0000": (repeated(rb'"\u0000"', 100_000), "forbidden_text"),
    "surrogates": (repeated(rb'"\ud800"', 100_000), "forbidden_text"),
    "a backslash before u0000": (repeated(rb'"\\u0000"', 80_000), ""),
    "an end that lacks": (b"[" + NUMBERS, "malformed_json"),
    "not a number": (b"[" + NUMBERS + b",NaN]", "malformed_json"),
}


def processor_seconds_of(work: Callable[[], object]) -> float:
    """Measure without the tracer of coverage, which makes every line several times as slow."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        began = time.process_time()
        work()
        return time.process_time() - began
    finally:
        sys.settrace(tracer)


@pytest.mark.parametrize("name", TEXTS)
def test_no_body_takes_long_to_read(name: str) -> None:
    body, code = TEXTS[name]
    told = []

    def read() -> None:
        try:
            read_json(body)
        except ApiError as error:
            told.append(error)

    assert min(processor_seconds_of(read) for _ in range(3)) < LONGEST_SECONDS
    assert [error.code for error in told] == ([code] * 3 if code else [])
    assert all(len(error.details) <= 20 for error in told)


@pytest.mark.parametrize(
    ("value", "is_taken"),
    [(2**63, True), (2**64 - 1, True), (2**64, False), (-(2**63), True), (-(2**63) - 1, False)],
)
def test_whole_numbers_are_taken_up_to_64_bits(value: int, *, is_taken: bool) -> None:
    body = json.dumps({"text": "99999999999999999999999", "number": [value, 1e300]}).encode()

    if is_taken:
        assert read_json(body)["number"][0] == value
    else:
        with pytest.raises(ApiError) as refused:
            read_json(body)
        assert [detail.path for detail in refused.value.details] == ["body.number.0"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings with bodies as large as they are by default."""
    return settings.model_copy(update={"max_body_bytes": Settings.model_fields["max_body_bytes"].default})


def task(**fields: object) -> dict[str, object]:
    return {"agent": "analyst", "message": {**user_message(), **fields}}


async def test_a_batch_of_a_thousand_tasks_is_taken_by_default(
    command_client: httpx2.AsyncClient, store: Pool, settings: Settings
) -> None:
    await register_agent(command_client)
    body = orjson.dumps({"tasks": [task(parts=[{"text": f"{number:900}"}]) for number in range(1_000)]})
    assert 0.9 < len(body) / settings.max_body_bytes < 1

    response = await send_json(command_client, "/tasks/batch", body)

    assert response.status_code == 200
    assert [entry["error"] for entry in response.json()["data"]] == [None] * 1_000
    kept = await store.fetch("SELECT task_id::text, convert_from(body, 'UTF8') FROM write.messages")
    texts = {task_id: json.loads(message)["message"]["parts"][0]["text"] for task_id, message in kept}
    taken = [entry["task"]["task_id"] for entry in response.json()["data"]]
    assert [int(texts[task_id]) for task_id in taken] == list(range(1_000))
    assert await store.fetchval("SELECT count(*) FROM log.events WHERE event_type = 'task.submitted'") == 1_000


async def test_what_people_and_workers_say_never_stands_in_the_tasks_row(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    parts, sizes = [{"text": "x" * 262_144}], list[int]()
    task_id = (await submit_task(command_client, message=user_message() | {"parts": parts}))["task_id"]
    lease = await lease_one(command_client)
    said = {"message_id": "m-2", "role": "agent", "parts": parts}
    artifact = {"artifact_id": "report", "parts": parts}
    calls: list[tuple[str, dict[str, object]]] = [
        *(("artifacts", {"artifact": artifact, "append": chunk > 0, "last_chunk": chunk == 3}) for chunk in range(4)),
        ("progress", {"message": said}),
        ("messages", {"message": user_message() | {"parts": parts}}),
        ("request-input", {"message": said}),
        ("input", {"message": user_message() | {"parts": parts}}),
    ]

    for verb, body in calls:
        answer = await work_on(command_client, lease, verb, body)
        assert answer.is_success, answer.text
        sizes.append(
            await store.fetchval(
                "SELECT octet_length(state::text) FROM write.aggregates WHERE id = $1::text::uuid", task_id
            )
        )

    assert max(sizes) < 4_096
    assert await store.fetchval("SELECT sum(length(envelope)) FROM log.events") > 8 * 262_144


WRONG: dict[str, tuple[str, dict[str, object]]] = {
    "parts": ("/tasks", task(parts=[{}] * 90_000)),
    "extensions": ("/tasks", task(extensions=[1] * 400_000)),
    "references": ("/tasks", task(reference_task_ids=["a b"] * 150_000)),
    "unknown fields": ("/tasks", {**task(), **{f"k{index}": 1 for index in range(80_000)}}),
    "unknown fields of a command without any": ("/tasks/{task}/cancel", {f"k{index}": 1 for index in range(80_000)}),
    "tasks": ("/tasks/batch", {"tasks": [{}] * 90_000}),
    "skills": ("/agents", {"name": "other", "card": {"skills": [{}] * 90_000}}),
    "tags": ("/agents", {"name": "other", "card": {"skills": [{"id": "a", "name": "b", "tags": [""] * 250_000}]}}),
    "parts of an artifact": (
        "/tasks/{task}/artifacts",
        {"artifact": {"artifact_id": "a", "parts": [{"text": ""}] * 70_000}},
    ),
    "a long name": ("/tasks", {**task(), "k" * 1_000_000: 1}),
}


@pytest.mark.parametrize("name", WRONG)
async def test_no_body_that_is_wrong_takes_long_to_refuse(command_client: httpx2.AsyncClient, name: str) -> None:
    await register_agent(command_client)
    task_id = (await submit_task(command_client))["task_id"]
    path, value = WRONG[name]
    body = orjson.dumps(value)
    took = []
    for _ in range(2):
        began = time.process_time()
        response = await send_json(command_client, path.format(task=task_id), body, **{"Lease-Token": "t"})
        took.append(time.process_time() - began)
        assert len(response.content) < 10_000
        assert len(assert_error(response, 422, "invalid_request")["details"]) <= 20

    assert min(took) < LONGEST_SECONDS


def _lists(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - pydantic's description of itself
    """Yield the lists in the description of a type."""
    if isinstance(schema, dict):
        if schema.get("type") in {"tuple", "list"}:
            yield schema
        for inner in schema.values():
            yield from _lists(inner)
    elif isinstance(schema, list | tuple):
        for inner in schema:
            yield from _lists(inner)


@pytest.mark.parametrize(
    "body",
    [getattr(module, name) for module in (bodies, worker_bodies) for name in module.__all__ if name.endswith("Body")],
)
def test_every_list_of_a_body_stops_at_its_first_error(body: type[BaseModel]) -> None:
    assert issubclass(body, Record)
    assert [inner for inner in _lists(TypeAdapter(body).core_schema) if not inner.get("fail_fast")] == []
