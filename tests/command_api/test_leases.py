"""Leasing: what a worker is handed, who comes first, waiting, taking over, giving up."""

import asyncio
from datetime import datetime
from functools import partial

import httpx2
import pytest

from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
    AT_ONCE,
    assert_error,
    expire_lease,
    find_event,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    submit_task,
    user_message,
    work_on,
)
from tests.polling import poll_until


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
    assert token.partition(".")[0].isdecimal()
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
        "deadline": None,
        "last_message": 1,
        "lease_seconds": 30,
        "messages": [{**user_message(), "extensions": [], "reference_task_ids": []}],
        "answers": [],
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


async def test_a_paused_agent_gives_no_work_out(command_client: httpx2.AsyncClient, store: Pool) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    await submit_task(command_client)
    await command_client.post(f"{API}/agents/{agent_id}/pause")

    async with nothing_written(store):
        assert (await ask(command_client)).json()["data"] == []


async def test_a_resumed_agent_gives_its_tasks_out_again(command_client: httpx2.AsyncClient) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    task = await submit_task(command_client)
    for verb in ("pause", "resume"):
        await command_client.post(f"{API}/agents/{agent_id}/{verb}")

    assert (await lease_one(command_client))["task_id"] == task["task_id"]


async def test_of_an_agents_tasks_the_most_urgent_comes_first_and_then_the_oldest(
    command_client: httpx2.AsyncClient,
) -> None:
    await register_agent(command_client)
    submitted = [(await submit_task(command_client, priority=priority))["task_id"] for priority in (5, 0, 9, 5, 9)]

    leased = [(await ask(command_client)).json()["data"][0]["task_id"] for _ in range(3)]
    rest = (await ask(command_client, max_tasks=100)).json()["data"]

    assert [submitted.index(task_id) for task_id in leased] == [2, 4, 0]
    assert [submitted.index(lease["task_id"]) for lease in rest] == [3, 1]


async def test_agents_take_turns_however_many_tasks_one_of_them_has(command_client: httpx2.AsyncClient) -> None:
    for name in ("analyst", "reader"):
        await register_agent(command_client, name)
    for _ in range(6):
        await submit_task(command_client, priority=9)
    for _ in range(2):
        await submit_task(command_client, "reader", priority=0)

    one_by_one = [(await ask(command_client, "analyst", "reader")).json()["data"][0]["agent_name"] for _ in range(2)]
    together = (await ask(command_client, "analyst", "reader", max_tasks=3)).json()["data"]

    assert sorted(one_by_one) == ["analyst", "reader"]
    assert sorted(lease["agent_name"] for lease in together) == ["analyst", "analyst", "reader"]


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
    await register_agent(command_client, policy={"retry": AT_ONCE})
    await submit_task(command_client)
    first = await lease_one(command_client, lease_seconds=1)

    second = await lease_one(command_client, worker="worker-2", wait_seconds=10)

    assert (second["task_id"], second["attempt"], second["generation"]) == (first["task_id"], 2, 4)
    assert second["messages"] == first["messages"]
    failed, started = (await read_events(store, first["task_id"]))[2:]
    assert (failed["type"], failed["data"]["code"], failed["data"]["attempt"]) == (
        "task.attempt_failed",
        "lease_expired",
        1,
    )
    assert (started["type"], started["data"]["worker"]) == ("task.attempt_started", "worker-2")
    async with nothing_written(store):
        for verb, body in [("heartbeat", None), ("progress", {"fraction": 1}), ("complete", None)]:
            assert_error(await work_on(command_client, first, verb, body), 409, "lease_lost")
    assert (await work_on(command_client, second, "complete")).json()["state"] == "completed"


async def test_a_heartbeat_in_time_keeps_others_away(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client, policy={"retry": AT_ONCE})
    await submit_task(command_client)
    lease = await lease_one(command_client, lease_seconds=1)
    until = monotonic_seconds() + 2.5

    while monotonic_seconds() < until:
        assert (await work_on(command_client, lease, "heartbeat")).status_code == 200
        assert (await ask(command_client)).json()["data"] == []
    assert [event["type"] for event in await read_events(store, lease["task_id"])] == ["task.submitted", "task.started"]


async def test_a_task_whose_attempts_are_used_up_fails_with_its_history(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client, policy={"max_attempts": 2, "retry": AT_ONCE})
    task_id = (await submit_task(command_client))["task_id"]
    for attempt in (1, 2):
        lease = await lease_one(command_client, worker=f"worker-{attempt}", wait_seconds=10)
        assert lease["attempt"] == attempt
        await expire_lease(store, task_id)

    last = await poll_until(partial(find_event, store, task_id, "task.failed"))

    assert (last["data"]["code"], last["data"]["attempt"]) == ("attempts_exhausted", 2)
    history = [(attempt["attempt"], attempt["worker"], attempt["code"]) for attempt in last["data"]["attempts"]]
    assert history == [(1, "worker-1", "lease_expired"), (2, "worker-2", "lease_expired")]
    assert all(attempt["started_at"] <= attempt["ended_at"] for attempt in last["data"]["attempts"])
    assert (await ask(command_client)).json() == {"data": [], "consistency": None}


async def test_the_next_attempt_waits_as_long_as_the_policy_says(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client, policy={"retry": {"base_seconds": 3, "jitter": 0.5}})
    task_id = (await submit_task(command_client))["task_id"]
    lease = await lease_one(command_client)

    told = await work_on(command_client, lease, "fail", {"code": "busy", "reason": "later", "retryable": True})

    assert (told.json()["state"], told.json()["attempt"]) == ("working", 1)
    assert (await ask(command_client)).json()["data"] == []
    failed = (await read_events(store, task_id))[-1]
    assert (failed["type"], failed["data"]["code"]) == ("task.attempt_failed", "busy")
    delay = datetime.fromisoformat(failed["data"]["retry_at"]) - datetime.fromisoformat(failed["time"])
    assert 1.5 <= delay.total_seconds() <= 3
    second = await lease_one(command_client, wait_seconds=10)
    assert (second["task_id"], second["attempt"]) == (task_id, 2)
    started = (await read_events(store, task_id))[-1]
    assert started["time"] >= failed["data"]["retry_at"]


@pytest.mark.parametrize(
    ("retryable", "code", "ended"), [(False, "busy", "busy"), (True, "no_data", "no_data"), (True, "busy", None)]
)
async def test_a_failure_is_final_where_worker_or_policy_says_so(
    command_client: httpx2.AsyncClient, store: Pool, retryable: bool, code: str, ended: str | None
) -> None:
    await register_agent(command_client, policy={"retry": {"never_retried": ["no_data"]}})
    task_id = (await submit_task(command_client))["task_id"]
    lease = await lease_one(command_client)

    await work_on(command_client, lease, "fail", {"code": code, "reason": "r", "retryable": retryable})

    last = (await read_events(store, task_id))[-1]
    if ended is None:
        assert last["type"] == "task.attempt_failed"
    else:
        assert (last["type"], last["data"]["code"], len(last["data"]["attempts"])) == ("task.failed", ended, 1)
