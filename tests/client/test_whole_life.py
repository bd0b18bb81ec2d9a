"""Cancellation, failures, retries and batches, from client to worker and back on real servers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from client import (
    AgentPolicy,
    AgentRetryPolicy,
    BureauClient,
    LeaseLostError,
    TaskCanceledError,
    TaskContext,
    TaskFailedError,
    TaskRejectedError,
    TaskState,
    Usage,
    WrongStateError,
    make_submission,
)
from infrastructure.clock import now
from infrastructure.postgres import open_pool
from tests.client.service import Service, wait_for_event, working
from tests.polling import poll_until

AT_ONCE = AgentRetryPolicy(base_seconds=0)


async def test_a_cancellation_ends_the_handler_and_is_acknowledged_after_it(service: Service) -> None:
    bureau, ended = service.client, asyncio.Event()

    async def wait(_task: TaskContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await bureau.register_agent("a")
    pool = await open_pool(service.database_url, size=1, application_name="client test")

    async def is_acknowledged() -> object:
        statement = "SELECT (state ->> 'is_cancel_acknowledged')::boolean FROM write.aggregates WHERE id = $1"
        return await pool.fetchval(statement, task_id)

    acknowledged: Callable[[], Awaitable[object]] = is_acknowledged
    async with working(bureau, wait, lease_seconds=1):
        task_id = (await bureau.submit_task("a", "wait", context_id="c-1")).task_id
        await wait_for_event(bureau, task_id, "task.started")
        assert not await is_acknowledged()
        assert (await bureau.cancel_context("c-1", reason="enough")).canceled == (task_id,)
        await poll_until(acknowledged)
        assert ended.is_set()
    await pool.close()


async def test_a_worker_of_a_canceled_task_is_told_so_by_every_report(bureau: BureauClient) -> None:
    await bureau.register_agent("a")
    task_id = (await bureau.submit_task("a", "wait")).task_id
    (lease,) = await bureau.lease_tasks(["a"], worker="w", wait_seconds=5)
    assert (await bureau.cancel_tasks(agent="a", state=TaskState.WORKING)).canceled == (task_id,)
    task = TaskContext(lease, bureau)
    with pytest.raises(TaskCanceledError):
        await task.progress(0.5)
    assert (task.is_canceled, task.must_acknowledge) == (True, True)
    usage = Usage(cost=Decimal("0.5"), model="m")
    assert (await bureau.acknowledge_cancel(lease, usage=usage)).state is TaskState.CANCELED
    assert (await bureau.get_task(task_id)).usage.cost == {"USD": Decimal("0.5")}
    assert (await bureau.get_usage()).usage.cost == {"USD": Decimal("0.5")}


async def test_an_exception_and_a_retryable_failure_lead_to_another_attempt(bureau: BureauClient) -> None:
    async def stumble(task: TaskContext) -> str:
        if task.lease.attempt == 1:
            raise RuntimeError("a bug")
        if task.lease.attempt == 2:
            raise TaskFailedError("busy", "Try again.", retryable=True)
        return "third time lucky"

    await bureau.register_agent("a", policy=AgentPolicy(retry=AT_ONCE))
    async with working(bureau, stumble):
        task = await bureau.wait_for_task((await bureau.submit_task("a", "go")).task_id)
    assert (task.status.state, task.attempt) == (TaskState.COMPLETED, 3)


async def test_a_handler_rejects_a_task_and_a_person_submits_it_again(bureau: BureauClient) -> None:
    async def decline(task: TaskContext) -> str:
        if not task.lease.reference_task_ids:
            task.usage(tool_calls=1)
            raise TaskRejectedError("Not on a Sunday.")
        return task.text

    await bureau.register_agent("a")
    async with working(bureau, decline):
        receipt = await bureau.submit_task("a", "mow the lawn")
        assert (await bureau.wait_for_task(receipt.task_id)).status.state is TaskState.REJECTED
        again = await bureau.retry_task(receipt.task_id)
        task = await bureau.wait_for_task(again.task_id)
    assert (task.context_id, task.reference_task_ids) == (receipt.context_id, (str(receipt.task_id),))
    assert task.status.message is not None
    assert task.status.message.text == "mow the lawn"


async def test_a_batch_answers_item_by_item_and_not_before_holds_a_task_back(bureau: BureauClient) -> None:
    await bureau.register_agent("a")
    later = now() + timedelta(hours=1)
    items = await bureau.submit_tasks(
        [
            make_submission("a", "one", priority=9, context_id="c-1"),
            make_submission("nobody", "two"),
            make_submission("a", "three", not_before=later),
        ]
    )
    assert [item.error and item.error.code for item in items] == [None, "agent_not_found", None]
    (lease,) = await bureau.lease_tasks(["a"], worker="w", max_tasks=3)
    assert items[0].task is not None
    assert lease.task_id == items[0].task.task_id
    with pytest.raises(WrongStateError):
        await bureau.retry_task(lease.task_id)


async def test_an_old_lease_is_lost_and_changes_nothing(bureau: BureauClient) -> None:
    await bureau.register_agent("a", policy=AgentPolicy(retry=AT_ONCE))
    await bureau.submit_task("a", "one")
    (old,) = await bureau.lease_tasks(["a"], worker="w-1", lease_seconds=1)
    (new,) = await bureau.lease_tasks(["a"], worker="w-2", wait_seconds=20)
    assert (new.task_id, new.attempt) == (old.task_id, 2)
    with pytest.raises(LeaseLostError):
        await TaskContext(old, bureau).progress(0.5)
    await bureau.complete_task(new)
