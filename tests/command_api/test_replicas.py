"""Several command APIs on one database: limits hold, and what time leads to is decided once."""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import httpx2

from infrastructure.clock import now
from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
    AT_ONCE,
    assert_error,
    lease_one,
    read_events,
    register_agent,
    submit_task,
    work_on,
)
from tests.polling import poll_until

TERMINAL = ("task.completed", "task.failed")


async def count_types(store: Pool) -> Counter[str]:
    rows = await store.fetch("SELECT event_type, count(*) AS count FROM log.events GROUP BY 1")
    return Counter({row["event_type"]: row["count"] for row in rows})


async def has_failed(store: Pool, count: int) -> bool:
    return (await count_types(store))["task.failed"] >= count


async def test_with_the_limit_reached_an_agent_has_no_work(replicas: list[httpx2.AsyncClient]) -> None:
    await register_agent(replicas[0], policy={"max_concurrent_tasks": 2})
    for _ in range(4):
        await submit_task(replicas[0])
    body = {"agents": ["analyst"], "worker": "w", "max_tasks": 9}

    leased = (await replicas[0].post(f"{API}/leases", json=body)).json()["data"]
    assert len(leased) == 2
    assert (await replicas[1].post(f"{API}/leases", json=body)).json()["data"] == []
    await work_on(replicas[1], leased[0], "complete")
    assert len((await replicas[1].post(f"{API}/leases", json=body)).json()["data"]) == 1


async def test_each_task_that_is_due_is_decided_once_among_two_schedulers(
    replicas: list[httpx2.AsyncClient], store: Pool
) -> None:
    await register_agent(replicas[0], policy={"max_attempts": 2, "retry": AT_ONCE})
    for _ in range(40):
        await submit_task(replicas[0])
    body = {"agents": ["analyst"], "worker": "w", "max_tasks": 40, "lease_seconds": 1, "wait_seconds": 10}
    assert len((await replicas[0].post(f"{API}/leases", json=body)).json()["data"]) == 40

    async def are_ready_again() -> bool:
        return (await count_types(store))["task.attempt_failed"] >= 40

    await poll_until(are_ready_again)
    second: list[dict[str, Any]] = []
    while len(second) < 40:
        second += (await replicas[1].post(f"{API}/leases", json=body)).json()["data"]

    await poll_until(partial(has_failed, store, 40))
    # One more that is due later: once it has failed both have looked again, and nothing was due twice.
    await submit_task(replicas[0], deadline=(now() + timedelta(seconds=1)).isoformat())
    await poll_until(partial(has_failed, store, 41))

    counted = await count_types(store)
    assert (counted["task.attempt_failed"], counted["task.failed"]) == (40, 41)
    assert (counted["task.started"], counted["task.attempt_started"]) == (40, 40)


async def test_the_deadline_ends_a_task_in_any_state(replicas: list[httpx2.AsyncClient], store: Pool) -> None:
    await register_agent(replicas[0])
    deadline = (now() + timedelta(seconds=3)).isoformat()
    tasks = [(await submit_task(replicas[0], deadline=deadline))["task_id"] for _ in range(3)]
    leases = [await lease_one(replicas[1]) for _ in range(2)]
    question = {"message": {"message_id": "q", "role": "agent", "parts": [{"text": "?"}]}}
    assert (await work_on(replicas[0], leases[0], "request-input", question)).status_code == 200

    async def are_over() -> bool:
        return (await count_types(store))["task.failed"] == 3

    await poll_until(are_over)
    for task_id in tasks:
        last = (await read_events(store, task_id))[-1]
        assert (last["type"], last["data"]["code"]) == ("task.failed", "deadline_exceeded")
        assert last["time"] >= deadline[:19]
    assert_error(await work_on(replicas[0], leases[1], "complete"), 409, "lease_lost")


async def test_an_attempt_lasts_no_longer_than_its_limit_whatever_its_heartbeats_say(
    replicas: list[httpx2.AsyncClient], store: Pool
) -> None:
    await register_agent(replicas[0], policy={"attempt_seconds": 1, "max_attempts": 1})
    task_id = (await submit_task(replicas[0]))["task_id"]
    lease = await lease_one(replicas[0], lease_seconds=600)
    assert (await work_on(replicas[0], lease, "heartbeat")).json()["attempt_ends_at"] is not None

    async def is_over() -> bool:
        return "task.failed" in [event["type"] for event in await read_events(store, task_id)]

    await poll_until(is_over)
    (attempt,) = (await read_events(store, task_id))[-1]["data"]["attempts"]
    assert attempt["code"] == "attempt_timeout"
