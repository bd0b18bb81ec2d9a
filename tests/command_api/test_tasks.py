"""Tasks over HTTP, as clients see them: submit and cancel."""

import json
from uuid import UUID

import httpx2
import pytest

from contracts.streams import shard_of
from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
    lease_one,
    read_events,
    register_agent,
    submit_task,
    take_snapshot,
    user_message,
)


async def test_submitting_answers_the_task_and_where_it_is(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent = await register_agent(command_client, policy={"max_attempts": 7})
    body = {
        "agent": "analyst",
        "message": user_message(metadata={"k": None}),
        "context_id": "c-1",
        "priority": 9,
        "metadata": {"nested": [1, {"null": None}]},
        "reference_task_ids": ["01a1ff4e-7a00-7000-8000-00000000000b"],
    }

    response = await command_client.post(f"{API}/tasks", json=body)

    assert response.status_code == 201, response.text
    receipt = response.json()
    task_id = receipt["task_id"]
    assert receipt == {
        "task_id": task_id,
        "context_id": "c-1",
        "agent_id": agent["agent_id"],
        "state": "submitted",
        "generation": 1,
        "attempt": 0,
        "consistency": response.headers["bureau-consistency"],
    }
    assert response.headers["location"] == f"{API}/tasks/{task_id}"
    (event,) = await read_events(store, task_id)
    assert (event["type"], event["partitionkey"]) == ("task.submitted", task_id)
    assert event["data"]["message"]["metadata"] == {"k": None}
    assert event["data"]["metadata"] == body["metadata"]
    assert (event["data"]["priority"], event["data"]["max_attempts"]) == (9, 7)
    assert event["data"]["reference_task_ids"] == body["reference_task_ids"]


async def test_an_agent_is_named_by_its_id_or_by_its_name_however_written(command_client: httpx2.AsyncClient) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]

    for reference in (agent_id, agent_id.upper(), "analyst", " Analyst "):
        assert (await submit_task(command_client, reference))["agent_id"] == agent_id


async def test_an_agent_whose_name_is_hexadecimal_is_found_by_it(command_client: httpx2.AsyncClient) -> None:
    name = "0123456789abcdef0123456789abcdef"
    agent_id = (await register_agent(command_client, name))["agent_id"]

    assert (await submit_task(command_client, name))["agent_id"] == agent_id


async def test_a_task_without_a_context_gets_one_of_its_own(command_client: httpx2.AsyncClient) -> None:
    await register_agent(command_client)

    first, second = await submit_task(command_client), await submit_task(command_client)

    assert UUID(first["context_id"]) != UUID(second["context_id"])


async def test_a_task_stands_in_the_shard_of_its_id(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    for _ in range(5):
        task_id = (await submit_task(command_client))["task_id"]
        shard = await store.fetchval("SELECT shard FROM log.events WHERE aggregate_id = $1::text::uuid", task_id)
        assert shard == shard_of(UUID(task_id), 16)


async def test_every_kind_of_part_is_kept_as_it_was_sent(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    parts = [
        {"text": "\u00fc \U0001f600 \u2028", "media_type": "text/plain"},
        {"raw": "AAEC/w==", "filename": "a.bin"},
        {"url": "https://example.org/a"},
        {"data": None},
        {"data": {"deep": [1.5, None, {"": False}]}},
    ]

    message = {"message_id": "m-1", "role": "user", "parts": parts}
    task_id = (await submit_task(command_client, message=message))["task_id"]

    (event,) = await read_events(store, task_id)
    assert event["data"]["message"]["parts"] == parts


async def test_an_emoji_written_as_a_surrogate_pair_is_text_like_any_other(
    command_client: httpx2.AsyncClient,
) -> None:
    await register_agent(command_client)

    content = json.dumps({"agent": "analyst", "message": user_message("\U0001f600")})
    assert "\\ud83d\\ude00" in content
    response = await command_client.post(f"{API}/tasks", content=content, headers={"Content-Type": "application/json"})

    assert response.status_code == 201
    assert (await lease_one(command_client))["messages"][0]["parts"] == [{"text": "\U0001f600"}]


@pytest.mark.parametrize("is_leased", [False, True])
async def test_cancelling_is_done_when_it_is_answered(
    command_client: httpx2.AsyncClient, store: Pool, is_leased: bool
) -> None:
    await register_agent(command_client)
    task_id = (await submit_task(command_client))["task_id"]
    if is_leased:
        await lease_one(command_client)

    response = await command_client.post(f"{API}/tasks/{task_id}/cancel", json={"reason": "not needed"})

    assert (response.status_code, response.json()["state"]) == (200, "canceled")
    last = (await read_events(store, task_id))[-1]
    assert (last["type"], last["data"]) == ("task.canceled", {"reason": "not needed"})
    leases = await command_client.post(f"{API}/leases", json={"agents": ["analyst"], "worker": "w"})
    assert leases.json() == {"data": [], "consistency": None}


async def test_cancelling_twice_is_no_error_and_no_event(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    task_id = (await submit_task(command_client))["task_id"]
    first = await command_client.post(f"{API}/tasks/{task_id}/cancel")
    before = await take_snapshot(store)

    second = await command_client.post(f"{API}/tasks/{task_id}/cancel", json={"reason": "again"})

    assert (second.status_code, second.json()) == (200, first.json())
    assert (await take_snapshot(store)).events == before.events
