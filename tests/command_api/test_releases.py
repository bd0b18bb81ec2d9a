"""A worker hands a task back: the next goes on with the attempt, at once."""

import asyncio

import httpx2
import pytest

from domain.task.release_task import MAX_RELEASES
from infrastructure.postgres import Pool
from tests.command_api.scenario import (
    API,
    AT_ONCE,
    assert_error,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    submit_task,
    work_on,
)

USED = {"usage": {"input_tokens": 7, "cost": "0.5"}}


async def test_a_released_task_goes_on_at_another_worker_with_its_only_attempt(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client, policy={"max_attempts": 1})
    task_id = (await submit_task(command_client))["task_id"]
    first = await lease_one(command_client)

    released = await work_on(command_client, first, "release", USED)
    second = await lease_one(command_client, worker="worker-2")

    assert (released.status_code, released.json()["state"], released.json()["generation"]) == (200, "working", 4)
    assert (second["task_id"], second["attempt"], second["generation"]) == (task_id, 1, 5)
    events = await read_events(store, task_id)
    assert [event["type"] for event in events[1:]] == [
        "task.started",
        "task.usage_reported",
        "task.released",
        "task.resumed",
    ]
    assert events[3]["data"] == {"attempt": 1, "worker": "worker-1"}
    async with nothing_written(store):
        for verb in ("heartbeat", "release", "complete"):
            assert_error(await work_on(command_client, first, verb), 409, "lease_lost")
    assert (await work_on(command_client, second, "complete")).status_code == 200


async def test_a_release_sent_again_under_its_key_is_answered_as_before(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)
    key = {"Idempotency-Key": '"r"'}

    first = await work_on(command_client, lease, "release", USED, **key)
    await lease_one(command_client, worker="worker-2")
    async with nothing_written(store):
        second = await work_on(command_client, lease, "release", USED, **key)

    assert second.content == first.content


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_worker_that_waits_has_the_released_task_at_once(
    command_client: httpx2.AsyncClient, limit: int | None
) -> None:
    await register_agent(command_client, policy={"max_concurrent_tasks": limit} if limit else {})
    task_id = (await submit_task(command_client))["task_id"]
    lease = await lease_one(command_client)
    waiting = asyncio.create_task(lease_one(command_client, worker="worker-2", wait_seconds=20))

    async with asyncio.timeout(10):
        await work_on(command_client, lease, "release")
        assert (await waiting)["task_id"] == task_id


async def test_a_release_between_attempts_leaves_the_failed_ones_as_they_were(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client, policy={"max_attempts": 2, "retry": AT_ONCE})
    task_id = (await submit_task(command_client))["task_id"]
    failure = {"code": "busy", "reason": "r", "retryable": True}
    await work_on(command_client, await lease_one(command_client), "fail", failure)
    await work_on(command_client, await lease_one(command_client), "release")

    last = await lease_one(command_client)
    await work_on(command_client, last, "fail", failure)

    assert last["attempt"] == 2
    failed = (await read_events(store, task_id))[-1]["data"]
    assert (failed["code"], len(failed["attempts"])) == ("attempts_exhausted", 2)


async def test_a_task_that_was_released_too_often_is_kept_by_its_worker(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    lease = await lease_one(command_client)
    await store.execute(
        "UPDATE write.aggregates SET state = state || jsonb_build_object('releases', $1::int) WHERE kind = 'task'",
        MAX_RELEASES,
    )

    async with nothing_written(store):
        assert_error(await work_on(command_client, lease, "release"), 409, "too_many_releases")
    assert (await work_on(command_client, lease, "heartbeat")).status_code == 200


async def test_a_call_for_leases_is_the_same_however_long_it_waits(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await submit_task(command_client)
    await submit_task(command_client)
    body = {"agents": ["analyst"], "worker": "worker-1", "wait_seconds": 20}
    key = {"Idempotency-Key": '"l"'}

    first = await command_client.post(f"{API}/leases", json=body, headers=key)
    async with nothing_written(store):
        second = await command_client.post(f"{API}/leases", json=body | {"wait_seconds": 0}, headers=key)
        other = await command_client.post(f"{API}/leases", json=body | {"max_tasks": 2}, headers=key)

    assert second.content == first.content
    assert second.headers["idempotent-replayed"] == "true"
    assert_error(other, 422, "idempotency_key_reused")
