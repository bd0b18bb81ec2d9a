"""Schemas and answers that were made to hold the service up: refused with a code, while others' heartbeats go on."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import orjson
import pytest

from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from infrastructure.settings import Settings
from tests.command_api.scenario import (
    API,
    assert_error,
    lease_one,
    nothing_written,
    register_agent,
    send_json,
    submit_task,
    user_message,
    work_on,
)
from tests.domain.hostile_schemas import HOSTILE

QUESTION = {"message_id": "q-1", "role": "agent", "parts": [{"text": "Which colour?"}]}
LONGEST_SECONDS = 2.0
"""Of a heartbeat beside them; a lease lasts 30."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings with bodies as large as they are by default."""
    return settings.model_copy(update={"max_body_bytes": 1_048_576})


def question(**fields: object) -> dict[str, Any]:
    return {"message": QUESTION, **fields}


def answer(value: object) -> dict[str, Any]:
    return {"message": {"message_id": "a-1", "role": "user", "parts": [{"data": value}]}}


async def lease_a_task(client: httpx2.AsyncClient) -> dict[str, Any]:
    await submit_task(client)
    return await lease_one(client)


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"answer_schema": {"items": {"$ref": "#/$defs/colour"}}}, "schema_not_valid", "body.answer_schema.items.$ref"),
        ({"answer_schema": {"$dynamicRef": "#colour"}}, "schema_not_valid", "body.answer_schema.$dynamicRef"),
        ({"answer_schema": {"$ref": "https://example.org/"}}, "schema_not_valid", "body.answer_schema.$ref"),
        ({"answer_schema": {"allOf": [{"$ref": "#"}]}}, "schema_not_valid", "body.answer_schema.allOf.0.$ref"),
        ({"answer_schema": {"pattern": "(?=a)"}}, "schema_not_valid", "body.answer_schema.pattern"),
        ({"answer_schema": HOSTILE["references that fan out"][0]}, "schema_too_complex", "body.answer_schema"),
        ({"default": user_message("red")}, "default_without_expiry", "body.default"),
        (
            {
                "answer_schema": HOSTILE["many numbers"][0],
                "default": answer([1] * 9_000)["message"],
                "expires_in_seconds": 5,
            },
            "answer_too_complex",
            "body.default.parts.0.data",
        ),
    ],
)
async def test_a_question_that_nobody_could_answer_is_refused_at_once(
    command_client: httpx2.AsyncClient, store: Pool, fields: dict[str, Any], code: str, path: str
) -> None:
    await register_agent(command_client)
    lease = await lease_a_task(command_client)

    async with nothing_written(store):
        refused = await work_on(command_client, lease, "request-input", question(**fields))
        assert_error(refused, 422, code, path=path)
    assert (await work_on(command_client, lease, "heartbeat")).status_code == 200


async def test_an_answer_that_takes_too_long_to_check_is_refused_and_a_smaller_one_taken(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    lease = await lease_a_task(command_client)
    await work_on(command_client, lease, "request-input", question(answer_schema=HOSTILE["many numbers"][0]))

    path = f"/tasks/{lease['task_id']}/input"
    async with nothing_written(store):
        refused = await send_json(command_client, path, answer([1] * 100_000))
        assert_error(refused, 422, "answer_too_complex", path="body.message.parts.0.data")
    assert (await send_json(command_client, path, answer([1] * 1_000))).status_code == 200


async def test_a_task_asks_once_under_an_id(command_client: httpx2.AsyncClient, store: Pool) -> None:
    rule = {"operations": ["refund"], "roles": ["lead"], "on_refusal": "resume", "expires_in_seconds": 1}
    await register_agent(command_client, policy={"approvals": [rule]})
    lease = await lease_a_task(command_client)
    request_id = str(new_id())
    asked = question(request_id=request_id, keeps_lease=True)
    path = f"{API}/tasks/{lease['task_id']}/input"
    assert (await work_on(command_client, lease, "request-input", asked)).status_code == 200
    assert (await command_client.post(path, json={"message": user_message("red")})).status_code == 200

    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "request-input", asked), 409, "question_exists")

    approval = (await work_on(command_client, lease, "approvals", {"operation": "refund"})).json()
    lease = await lease_one(command_client, wait_seconds=10)
    again = question(request_id=approval["approval_id"])
    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "request-input", again), 409, "question_exists")


def _attacks(leases: list[dict[str, Any]]) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Yield paths, bodies and headers: each question asked, and then answered, if it was taken."""
    for lease, (schema, value) in zip(leases, HOSTILE.values(), strict=True):
        headers = {"Lease-Token": lease["lease_token"]}
        path = f"/tasks/{lease['task_id']}"
        asked = question(answer_schema=schema, default=answer(value)["message"], expires_in_seconds=60)
        yield f"{path}/request-input", orjson.dumps(asked), headers
        yield f"{path}/request-input", orjson.dumps(question(answer_schema=schema)), headers
        yield f"{path}/input", orjson.dumps(answer(value)), {}


async def test_the_heartbeats_of_others_go_on_beside_the_worst_schemas_and_answers(
    command_client: httpx2.AsyncClient,
) -> None:
    await register_agent(command_client)
    mine = await lease_a_task(command_client)
    leases = [await lease_a_task(command_client) for _ in HOSTILE]
    attacks = list(_attacks(leases))
    over = asyncio.Event()

    async def beat() -> list[float]:
        took = []
        while not over.is_set():
            began = time.perf_counter()
            response = await work_on(command_client, mine, "heartbeat")
            took.append(time.perf_counter() - began)
            assert response.status_code == 200, response.text
        return took

    beating = asyncio.create_task(beat())
    statuses = [
        (await send_json(command_client, path, body, **headers)).status_code for path, body, headers in attacks * 2
    ]
    over.set()
    took = await beating

    assert set(statuses) <= {200, 409, 413, 422}
    assert statuses.count(422) > len(HOSTILE)
    assert len(took) > len(statuses) // 4
    assert max(took) < LONGEST_SECONDS, f"{max(took):.2f} s"
