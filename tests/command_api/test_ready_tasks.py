"""Which task is given out when: not before it is ready, by urgency and then by how long it is ready, and to whom."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import httpx2

from infrastructure.postgres import Pool
from tests.command_api.scenario import API, lease_one, read_events, register_agent, submit_task, work_on
from tests.polling import poll_until

LOCK_WAITERS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"


async def database_time(store: Pool) -> datetime:
    now: datetime = await store.fetchval("SELECT clock_timestamp()")
    return now


async def when_ready(store: Pool, task_id: str) -> datetime:
    """Return what clients are told of it: when a task was put back to, or may begin at, or was submitted."""
    events = await read_events(store, task_id)
    told = events[-1]["data"].get("retry_at") or events[0]["data"].get("not_before") or events[0]["time"]
    return datetime.fromisoformat(told)


async def test_of_equally_urgent_tasks_the_one_that_is_ready_longest_comes_first(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client, policy={"retry": {"base_seconds": 0.75, "jitter": 0}})
    put_back = (await submit_task(command_client))["task_id"]
    failed = {"code": "busy", "reason": "later", "retryable": True}
    await work_on(command_client, await lease_one(command_client), "fail", failed)
    now = await database_time(store)
    waits = [None, 1.0, 0.5, None]
    moments = [None if wait is None else (now + timedelta(seconds=wait)).isoformat() for wait in waits]
    submitted = [(await submit_task(command_client, not_before=moment))["task_id"] for moment in moments]
    last = (now + timedelta(seconds=1.25)).isoformat()
    urgent = (await submit_task(command_client, priority=9, not_before=last))["task_id"]
    ready = {task_id: await when_ready(store, task_id) for task_id in (put_back, *submitted)}

    async def are_all_ready() -> bool:
        return await database_time(store) > max(*ready.values(), datetime.fromisoformat(last))

    await poll_until(are_all_ready)
    first = [(await lease_one(command_client))["task_id"] for _ in range(2)]
    rest = await command_client.post(f"{API}/leases", json={"agents": ["analyst"], "worker": "w", "max_tasks": 9})

    leased = [*first, *(lease["task_id"] for lease in rest.json()["data"])]
    assert leased == [urgent, *sorted(ready, key=lambda task_id: ready[task_id])]
    assert leased.index(submitted[2]) < leased.index(submitted[1])
    assert leased.index(submitted[0]) < leased.index(put_back)


async def test_a_worker_that_waits_gets_a_task_when_its_time_comes_and_not_before(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    moment = await database_time(store) + timedelta(seconds=1.5)
    task = await submit_task(command_client, not_before=moment.isoformat())

    lease = await asyncio.wait_for(lease_one(command_client, wait_seconds=30), 20)

    assert lease["task_id"] == task["task_id"]
    started = datetime.fromisoformat((await read_events(store, task["task_id"]))[-1]["time"])
    assert moment <= started < moment + timedelta(seconds=10)


async def test_a_task_whose_row_somebody_holds_keeps_no_other_from_being_leased(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    held = (await submit_task(command_client, priority=9))["task_id"]
    others = {(await submit_task(command_client))["task_id"] for _ in range(3)}

    async with store.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM write.aggregates WHERE id = $1 FOR UPDATE", UUID(held))
        waiting = asyncio.create_task(lease_one(command_client, worker="worker-2"))
        await poll_until(lambda: store.fetchval(LOCK_WAITERS))
        leased = {(await asyncio.wait_for(lease_one(command_client), 5))["task_id"] for _ in others}
        assert not waiting.done()

    assert leased == others
    assert (await asyncio.wait_for(waiting, 10))["task_id"] == held
