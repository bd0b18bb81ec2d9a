"""Batches, bulk cancellation, retrying: each item answers for itself, and a replay finishes what broke off."""

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from command_api.bodies import BatchBody
from contracts.streams import Token
from infrastructure.postgres import Pool
from infrastructure.write_store import StoreUnavailableError, Write
from tests.command_api.scenario import (
    API,
    assert_error,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    replace_ports,
    send_json,
    submit_task,
    take_snapshot,
    user_message,
    work_on,
)

UNKNOWN = "01a1ff4e-7a00-7000-8000-00000000000b"
KEY = {"Idempotency-Key": '"k-1"'}


def item(agent: str = "analyst", **fields: object) -> dict[str, Any]:
    return {"agent": agent, "message": {"message_id": "m", "role": "user", "parts": [{"text": "t"}]}, **fields}


async def states(store: Pool) -> dict[str, str]:
    rows = await store.fetch("SELECT id::text, state ->> 'state' AS state FROM write.aggregates WHERE kind = 'task'")
    return {row["id"]: row["state"] for row in rows}


# The tests' bodies are bounded to 64 KiB, so a batch here is smaller than what the service takes.
async def test_each_task_of_a_batch_answers_for_itself(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    paused = (await register_agent(command_client, "paused"))["agent_id"]
    await command_client.post(f"{API}/agents/{paused}/pause")
    before = await take_snapshot(store)
    cycle = [item(), item("stranger"), item(paused), item(deadline="2001-01-01T00:00:00Z"), item(priority=9)]
    body = {"tasks": cycle * 60}

    answer = await send_json(command_client, "/tasks/batch", body, **KEY)

    assert answer.status_code == 200
    data = answer.json()["data"]
    codes = [None, "agent_not_found", "agent_paused", "deadline_too_early", None] * 60
    assert [entry["error"] and entry["error"]["code"] for entry in data] == codes
    assert [entry["task"] is None for entry in data] == [code is not None for code in codes]
    after = await take_snapshot(store)
    assert (after.events, after.messages) == (before.events + 120, before.messages + 120)
    # One transaction a shard.
    assert after.receipts - before.receipts <= 16
    assert len({entry["task"]["task_id"] for entry in data if entry["task"]}) == 120
    async with nothing_written(store):
        again = await send_json(command_client, "/tasks/batch", body, **KEY)
    assert again.content == answer.content
    assert (again.headers["idempotent-replayed"], answer.headers.get("idempotent-replayed")) == ("true", None)


async def test_a_batch_that_broke_off_is_completed_by_sending_it_again(
    command_client: httpx2.AsyncClient, store: Pool, application: FastAPI
) -> None:
    await register_agent(command_client)
    body = {"tasks": [item(priority=number % 10) for number in range(100)]}
    save = application.state.services.commands.save
    saved = 0

    async def save_five(write: Write) -> Token:
        nonlocal saved
        saved += 1
        if saved > 5:
            raise StoreUnavailableError
        token: Token = await save(write)
        return token

    replace_ports(application, save=save_five)
    broken = await send_json(command_client, "/tasks/batch", body, **KEY)
    assert_error(broken, 503, "unavailable", is_retryable=True)
    assert 0 < len(await states(store)) < 100

    replace_ports(application, save=save)
    answer = await send_json(command_client, "/tasks/batch", body, **KEY)

    assert {entry["task"]["task_id"] for entry in answer.json()["data"]} == set(await states(store))
    assert len(await states(store)) == 100


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_has_one_to_a_thousand_tasks(count: int) -> None:
    with pytest.raises(ValidationError):
        BatchBody.model_validate({"tasks": [item()] * count})
    assert len(BatchBody.model_validate({"tasks": [item()] * 1000}).tasks) == 1000


async def test_a_worker_acknowledges_a_cancellation_once_with_the_token_that_it_fenced(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    for _ in range(2):
        await submit_task(command_client)
    lease, other = await lease_one(command_client), await lease_one(command_client)
    wrong = {**other, "task_id": lease["task_id"]}
    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "acknowledge-cancel"), 409, "wrong_state")
        assert_error(await work_on(command_client, wrong, "acknowledge-cancel"), 409, "lease_lost")
    await command_client.post(f"{API}/tasks/{lease['task_id']}/cancel")
    before = await take_snapshot(store)

    first, second = [await work_on(command_client, lease, "acknowledge-cancel") for _ in range(2)]

    assert (first.status_code, first.json()["state"]) == (200, "canceled")
    assert second.json() | {"consistency": ""} == first.json() | {"consistency": ""}
    after = await take_snapshot(store)
    assert after.events == before.events
    assert after.aggregates != before.aggregates
    async with nothing_written(store):
        assert_error(await work_on(command_client, wrong, "acknowledge-cancel"), 409, "lease_lost")


async def test_what_has_ended_is_submitted_again_as_a_new_task(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    old = await submit_task(command_client, priority=7, metadata={"k": 1}, reference_task_ids=[UNKNOWN])
    path = f"/tasks/{old['task_id']}/retry"
    async with nothing_written(store):
        assert_error(await send_json(command_client, path, {}), 409, "wrong_state")
        assert_error(await send_json(command_client, f"/tasks/{UNKNOWN}/retry", {}), 404, "task_not_found")
    await command_client.post(f"{API}/tasks/{old['task_id']}/messages", json={"message": user_message("more")})
    await command_client.post(f"{API}/tasks/{old['task_id']}/cancel")
    ended = await read_events(store, old["task_id"])

    answer = await send_json(command_client, path, {}, **KEY)
    again = await send_json(command_client, path, {}, **KEY)

    assert (answer.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")
    new = answer.json()
    assert answer.headers["location"] == f"{API}/tasks/{new['task_id']}"
    assert (new["context_id"], new["state"], new["attempt"]) == (old["context_id"], "submitted", 0)
    lease = await lease_one(command_client)
    assert (lease["task_id"], lease["priority"], lease["metadata"]) == (new["task_id"], 7, {"k": 1})
    assert lease["reference_task_ids"] == [old["task_id"], UNKNOWN]
    assert [message["parts"][0]["text"] for message in lease["messages"]] == ["hello"]
    assert await read_events(store, old["task_id"]) == ended


async def test_rejecting_ends_the_task_for_good(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)
    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "reject", {}), 422, "invalid_request", path="body.reason")

    assert (await work_on(command_client, lease, "reject", {"reason": "not mine"})).json()["state"] == "rejected"

    assert (await read_events(store, lease["task_id"]))[-1]["data"]["reason"] == "not mine"
    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "reject", {"reason": "r"}), 409, "lease_lost")
