"""Leasing: what a worker is handed, who comes first, waiting, taking over, giving up."""

import asyncio

import httpx2
import pytest

from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
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


async def ask(client: httpx2.AsyncClient, *agents: str, **body: object) -> httpx2.Response:
    return await client.post(f"{API}/leases", json={"agents": agents or ["analyst"], "worker": "worker-1", **body})


async def test_a_lease_hands_over_the_whole_task(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent = await register_agent(command_client, policy={"lease_seconds": 30, "max_attempts": 4})
    reference = "01a1ff4e-7a00-7000-8000-00000000000b"
    task = await submit_task(command_client, priority=7, metadata={"k": None}, reference_task_ids=[reference])

    response = await ask(command_client)

    assert response.status_code == 200
    assert response.json()["consistency"] == response.headers["bureau-consistency"]
    (lease,) = response.json()["data"]
    token, expires_at = lease.pop("lease_token"), lease.pop("lease_expires_at")
    assert token.startswith("1.")
    assert expires_at
    assert lease == {
        "task_id": task["task_id"],
        "agent_id": agent["agent_id"],
        "agent_name": "analyst",
        "context_id": task["context_id"],
        "attempt": 1,
        "max_attempts": 4,
        "generation": 2,
        "priority": 7,
        "lease_seconds": 30,
        "messages": [{**user_message(), "extensions": [], "reference_task_ids": []}],
        "metadata": {"k": None},
        "reference_task_ids": [reference],
    }
    assert [event["type"] for event in await read_events(store, task["task_id"])] == ["task.submitted", "task.started"]


async def test_no_receipt_holds_a_lease_token(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)

    results = [row["result"] for row in await store.fetch("SELECT result FROM write.receipts")]
    assert not [result for result in results if lease["lease_token"].split(".")[1].encode() in result]


async def test_where_there_is_no_work_the_answer_is_empty_and_nothing_is_written(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)

    async with nothing_written(store):
        response = await ask(command_client)
    assert (response.status_code, response.json()) == (200, {"data": [], "consistency": None})


async def test_an_agent_that_does_not_exist_has_no_work_to_lease(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await submit_task(command_client)

    async with nothing_written(store):
        for stranger in ("stranger", "01a1ff4e-7a00-7000-8000-00000000000b"):
            assert_error(await ask(command_client, "analyst", stranger), 404, "agent_not_found")


@pytest.mark.parametrize("verb", ["pause", "retire"])
async def test_an_agent_that_takes_no_work_gives_none_out(
    command_client: httpx2.AsyncClient, store: Pool, verb: str
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    await submit_task(command_client)
    await command_client.post(f"{API}/agents/{agent_id}/{verb}")

    async with nothing_written(store):
        assert (await ask(command_client)).json()["data"] == []


async def test_a_resumed_agent_gives_its_tasks_out_again(command_client: httpx2.AsyncClient) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    task = await submit_task(command_client)
    for verb in ("pause", "resume"):
        await command_client.post(f"{API}/agents/{agent_id}/{verb}")

    assert (await lease_one(command_client))["task_id"] == task["task_id"]


async def test_the_most_urgent_comes_first_and_then_the_oldest_over_all_agents(
    command_client: httpx2.AsyncClient,
) -> None:
    for name in ("analyst", "reader"):
        await register_agent(command_client, name)
    submitted = [
        (await submit_task(command_client, agent, priority=priority))["task_id"]
        for agent, priority in [("analyst", 5), ("reader", 0), ("analyst", 9), ("reader", 5), ("reader", 9)]
    ]

    leased = [(await ask(command_client, "reader", "analyst")).json()["data"][0]["task_id"] for _ in range(3)]
    rest = (await ask(command_client, "analyst", "reader", max_tasks=100)).json()["data"]

    assert [submitted.index(task_id) for task_id in leased] == [2, 4, 0]
    assert [submitted.index(lease["task_id"]) for lease in rest] == [3, 1]


async def test_workers_who_ask_at_once_get_different_tasks(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    submitted = {(await submit_task(command_client))["task_id"] for _ in range(10)}

    answers = await asyncio.gather(*(ask(command_client, max_tasks=3, wait_seconds=1) for _ in range(4)))

    leased = [lease["task_id"] for answer in answers for lease in answer.json()["data"]]
    assert len(leased) == len(set(leased))
    assert set(leased) <= submitted
    starts = await store.fetchval("SELECT count(*) FROM log.events WHERE event_type = 'task.started'")
    assert starts == len(leased) > 0


async def test_a_lease_that_really_runs_out_is_taken_over_and_the_old_token_is_fenced(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    first = await lease_one(command_client, lease_seconds=1)

    second = await lease_one(command_client, worker="worker-2", wait_seconds=10)

    assert (second["task_id"], second["attempt"], second["generation"]) == (first["task_id"], 2, 3)
    assert second["messages"] == first["messages"]
    assert (await read_events(store, first["task_id"]))[2]["type"] == "task.attempt_started"
    async with nothing_written(store):
        for verb, body in [("heartbeat", None), ("progress", {"fraction": 1}), ("complete", None)]:
            assert_error(await work_on(command_client, first, verb, body), 409, "lease_lost")
    assert (await work_on(command_client, second, "complete")).json()["state"] == "completed"


async def test_a_heartbeat_in_time_keeps_others_away(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)
    await expire_lease(store, lease["task_id"])

    assert (await work_on(command_client, lease, "heartbeat")).status_code == 200
    assert (await ask(command_client)).json()["data"] == []


async def test_a_task_whose_attempts_are_used_up_fails(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client, policy={"max_attempts": 2})
    task_id = (await submit_task(command_client))["task_id"]
    for attempt in (1, 2):
        assert (await lease_one(command_client))["attempt"] == attempt
        await expire_lease(store, task_id)

    response = await ask(command_client)

    assert response.json()["data"] == []
    *_, last = await read_events(store, task_id)
    assert (last["type"], last["data"]["code"], last["data"]["attempt"]) == ("task.failed", "attempts_exhausted", 2)
    assert (await ask(command_client)).json() == {"data": [], "consistency": None}
