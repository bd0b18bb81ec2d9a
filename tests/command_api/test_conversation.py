"""Messages and questions over HTTP: what reaches the worker, in which order, and which answers are refused."""

from typing import Any

import httpx2
import pytest

from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
    AT_ONCE,
    assert_error,
    expire_lease,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    submit_task,
    user_message,
    work_on,
)
from tests.polling import poll_until

SCHEMA = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
QUESTION = {"message_id": "q-1", "role": "agent", "parts": [{"text": "Which colour?"}]}


def said(text: str) -> dict[str, Any]:
    return {"message": user_message(text, message_id=text)}


def data_message(value: object) -> dict[str, Any]:
    return {"message_id": "a-1", "role": "user", "parts": [{"data": value}]}


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["parts"][0]["text"] for message in messages]


async def tell(client: httpx2.AsyncClient, task_id: str, verb: str, body: object = None) -> httpx2.Response:
    return await client.post(f"{API}/tasks/{task_id}/{verb}", json=body)


async def lease_a_task(client: httpx2.AsyncClient, **policy: object) -> dict[str, Any]:
    """Register an agent, submit a task and lease it."""
    await register_agent(client, policy=policy)
    await submit_task(client)
    return await lease_one(client)


async def test_messages_reach_the_worker_once_each_and_in_order_over_a_takeover(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client, policy={"retry": AT_ONCE})
    task_id = (await submit_task(command_client))["task_id"]
    for text in ("one", "two"):
        assert (await tell(command_client, task_id, "messages", said(text))).status_code == 200
    lease = await lease_one(command_client)
    heard = texts(lease["messages"])
    assert (heard, lease["last_message"]) == (["hello", "one", "two"], 3)

    await tell(command_client, task_id, "messages", said("three"))
    beat = (await work_on(command_client, lease, "heartbeat", {"received": 3})).json()
    assert (texts(beat["messages"]), beat["last_message"]) == (["three"], 4)
    again = (await work_on(command_client, lease, "heartbeat", {"received": 4})).json()
    assert (again["messages"], again["last_message"]) == ([], 4)
    await tell(command_client, task_id, "messages", said("four"))
    await expire_lease(store, task_id)

    taken_over = await lease_one(command_client, wait_seconds=10)

    assert texts(taken_over["messages"]) == ["hello", "one", "two", "three", "four"]
    assert taken_over["last_message"] == 5
    ordinals = [event["data"]["ordinal"] for event in await read_events(store, task_id) if "ordinal" in event["data"]]
    assert ordinals == [2, 3, 4, 5]


async def test_a_worker_cannot_have_received_what_nobody_sent(command_client: httpx2.AsyncClient, store: Pool) -> None:
    lease = await lease_a_task(command_client)

    async with nothing_written(store):
        refused = await work_on(command_client, lease, "heartbeat", {"received": 2})
        assert_error(refused, 422, "unknown_message")


async def test_a_task_that_is_over_takes_no_message_and_no_answer(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    lease = await lease_a_task(command_client)
    await work_on(command_client, lease, "complete")

    async with nothing_written(store):
        for verb in ("messages", "input"):
            assert_error(await tell(command_client, lease["task_id"], verb, said("late")), 409, "wrong_state")


async def test_a_worker_may_not_speak_as_a_user_nor_a_user_as_the_worker(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    lease = await lease_a_task(command_client)

    async with nothing_written(store):
        for verb in ("messages", "input"):
            refused = await tell(command_client, lease["task_id"], verb, {"message": QUESTION})
            assert_error(refused, 422, "invalid_request", path="body.message")
        asked = await work_on(command_client, lease, "request-input", said("question"))
        assert_error(asked, 422, "invalid_request", path="body.message")


async def test_a_question_releases_the_lease_and_its_answer_resumes_the_attempt(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    lease = await lease_a_task(command_client)
    asked = await work_on(command_client, lease, "request-input", {"message": QUESTION, "answer_schema": SCHEMA})
    assert (asked.status_code, asked.json()["state"]) == (200, "input_required")
    task_id, request_id = lease["task_id"], asked.json()["request_id"]
    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "complete"), 409, "lease_lost")
        nothing = await command_client.post(f"{API}/leases", json={"agents": ["analyst"], "worker": "w"})
        assert nothing.json()["data"] == []

    answer = {"message": data_message({"colour": "red"}), "request_id": request_id}
    answered = await tell(command_client, task_id, "input", answer)

    assert (answered.status_code, answered.json()["state"]) == (200, "working")
    resumed = await lease_one(command_client, worker="worker-2")
    assert (resumed["attempt"], resumed["last_message"]) == (1, 2)
    assert resumed["messages"][1]["parts"][0]["data"] == {"colour": "red"}
    assert resumed["lease_token"] != lease["lease_token"]
    assert [event["type"] for event in await read_events(store, task_id)] == [
        "task.submitted",
        "task.started",
        "task.input_requested",
        "task.input_provided",
        "task.resumed",
    ]


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (data_message({"colour": "green"}), "body.message.parts.0.data.colour"),
        (data_message({}), "body.message.parts.0.data"),
        (data_message(None), "body.message.parts.0.data"),
        (user_message("red"), "body.message.parts"),
        ({**data_message(1), "parts": [{"data": {"colour": "red"}}, {"data": 2}]}, "body.message.parts"),
        ({**data_message(1), "parts": [{"text": "so"}, {"data": {"colour": 5}}]}, "body.message.parts.1.data.colour"),
    ],
)
async def test_an_answer_that_does_not_fit_the_schema_is_told_where(
    command_client: httpx2.AsyncClient, store: Pool, message: dict[str, Any], path: str
) -> None:
    lease = await lease_a_task(command_client)
    await work_on(command_client, lease, "request-input", {"message": QUESTION, "answer_schema": SCHEMA})

    async with nothing_written(store):
        refused = await tell(command_client, lease["task_id"], "input", {"message": message})
        assert_error(refused, 422, "answer_not_valid", path=path)


async def test_only_the_question_that_is_open_is_answered(command_client: httpx2.AsyncClient, store: Pool) -> None:
    lease = await lease_a_task(command_client)
    answer = {**said("red"), "request_id": "01a1ff4e-7a00-7000-8000-00000000000b"}
    async with nothing_written(store):
        assert_error(await tell(command_client, lease["task_id"], "input", answer), 409, "nothing_asked")

    await work_on(command_client, lease, "request-input", {"message": QUESTION})
    async with nothing_written(store):
        assert_error(await tell(command_client, lease["task_id"], "input", answer), 409, "other_question")


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"answer_schema": {"type": "nonsense"}}, "schema_not_valid", "body.answer_schema.type"),
        (
            {"answer_schema": SCHEMA, "expires_in_seconds": 5, "default": data_message({"colour": 1})},
            "answer_not_valid",
            "body.default.parts.0.data.colour",
        ),
    ],
)
async def test_a_question_that_could_not_be_answered_is_refused(
    command_client: httpx2.AsyncClient, store: Pool, fields: dict[str, Any], code: str, path: str
) -> None:
    lease = await lease_a_task(command_client)

    async with nothing_written(store):
        refused = await work_on(command_client, lease, "request-input", {"message": QUESTION, **fields})
        assert_error(refused, 422, code, path=path)


async def test_a_kept_lease_goes_on_with_its_token_after_the_answer(command_client: httpx2.AsyncClient) -> None:
    lease = await lease_a_task(command_client)
    await work_on(command_client, lease, "request-input", {"message": QUESTION, "keeps_lease": True})
    waiting = (await work_on(command_client, lease, "heartbeat", {"received": 1})).json()
    assert (waiting["state"], waiting["messages"]) == ("input_required", [])
    assert_error(await work_on(command_client, lease, "complete"), 409, "wrong_state")

    await tell(command_client, lease["task_id"], "input", said("red"))

    going_on = (await work_on(command_client, lease, "heartbeat", {"received": 1})).json()
    assert (going_on["state"], texts(going_on["messages"])) == ("working", ["red"])
    assert (await work_on(command_client, lease, "complete")).json()["state"] == "completed"


async def test_a_question_that_nobody_answers_is_answered_by_its_default(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    lease = await lease_a_task(command_client)
    body = {"message": QUESTION, "expires_in_seconds": 1, "default": user_message("blue", message_id="d")}
    await work_on(command_client, lease, "request-input", body)

    resumed = await lease_one(command_client, wait_seconds=10)

    assert texts(resumed["messages"]) == ["hello", "blue"]
    (provided,) = [event for event in await read_events(store, lease["task_id"]) if event["type"].endswith("provided")]
    assert provided["data"]["is_default"] is True


async def test_a_question_that_nobody_answers_fails_the_task_where_it_has_no_default(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    lease = await lease_a_task(command_client)
    await work_on(command_client, lease, "request-input", {"message": QUESTION, "expires_in_seconds": 1})

    async def last_event() -> dict[str, Any] | None:
        last = (await read_events(store, lease["task_id"]))[-1]
        return last if last["type"] == "task.failed" else None

    failed = await poll_until(last_event)
    assert failed is not None
    assert failed["data"]["code"] == "input_expired"
