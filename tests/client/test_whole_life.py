"""Questions, approvals, budgets, cancellation and retries, from client to worker and back on real servers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import BaseModel

from client import (
    AgentPolicy,
    AgentRetryPolicy,
    ApprovalRule,
    BureauClient,
    ConflictError,
    InvalidRequestError,
    LeaseLostError,
    PermissionDeniedError,
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
from tests.client.service import Service, open_person, wait_for_event, working
from tests.polling import poll_until

AT_ONCE = AgentRetryPolicy(base_seconds=0)


class Choice(BaseModel):
    colour: str


async def test_an_answer_that_fits_the_schema_reaches_the_handler_that_waits(bureau: BureauClient) -> None:
    async def paint(task: TaskContext) -> str:
        answer = await task.ask("Which colour?", schema=Choice)
        return f"{task.text} in {Choice.model_validate(answer.data).colour}, {task.take_messages()[0].text}"

    await bureau.register_agent("a")
    async with working(bureau, paint):
        task_id = (await bureau.submit_task("a", "a door")).task_id
        asked = await wait_for_event(bureau, task_id, "task.input_requested")
        with pytest.raises(InvalidRequestError) as refused:
            await bureau.provide_input(task_id, {"colour": 7})
        assert [detail.path for detail in refused.value.details] == ["body.message.parts.0.data.colour"]
        await bureau.add_message(task_id, "please")
        await bureau.provide_input(task_id, {"colour": "blue"}, request_id=UUID(str(asked["request_id"])))
        task = await bureau.wait_for_task(task_id)
    assert task.status.message is not None
    assert task.status.message.text == "a door in blue, please"
    assert task.attempt == 1


async def test_a_question_that_gives_the_lease_up_lets_the_worker_do_other_tasks(bureau: BureauClient) -> None:
    runs: list[str] = []

    async def paint(task: TaskContext) -> str:
        runs.append(task.text)
        if task.text == "a wall":
            return "grey"
        first = await task.ask("Which colour?", keeps_lease=False)
        second = await task.ask("Which colour?", keeps_lease=False)
        return f"{first.text} and {second.text}"

    await bureau.register_agent("a")
    async with working(bureau, paint):
        door = (await bureau.submit_task("a", "a door")).task_id
        await wait_for_event(bureau, door, "task.input_requested")
        await bureau.wait_for_task((await bureau.submit_task("a", "a wall")).task_id)
        await bureau.provide_input(door, "blue")
        await wait_for_event(bureau, door, "task.input_requested", 2)
        await bureau.provide_input(door, "red")
        task = await bureau.wait_for_task(door)
    assert runs == ["a door", "a wall", "a door", "a door"]
    assert task.status.message is not None
    assert (task.status.message.text, task.attempt) == ("blue and red", 1)


async def test_nobody_is_asked_again_after_the_worker_that_asked_has_died(bureau: BureauClient) -> None:
    async def ask(task: TaskContext) -> str:
        return (await task.ask("Go?")).text

    await bureau.register_agent("a", policy=AgentPolicy(retry=AT_ONCE))
    task_id = (await bureau.submit_task("a", "go")).task_id
    (lease,) = await bureau.lease_tasks(["a"], worker="mortal", lease_seconds=1, wait_seconds=5)
    mortal = asyncio.create_task(ask(TaskContext(lease, bureau)))
    await wait_for_event(bureau, task_id, "task.input_requested")
    mortal.cancel()
    await bureau.provide_input(task_id, "yes")
    async with working(bureau, ask):
        task = await bureau.wait_for_task(task_id)
    assert task.status.message is not None
    assert task.status.message.text == "yes"
    types = [entry.type async for entry in bureau.iterate_timeline(task_id)]
    assert types.count("task.input_requested") == 1


@pytest.mark.parametrize("keeps_lease", [True, False])
async def test_two_people_approve_and_the_operation_is_covered_once(service: Service, *, keeps_lease: bool) -> None:
    bureau, done = service.client, list[str]()

    async def drop(task: TaskContext) -> str:
        decision = await task.approve("database.drop", {"name": task.text, "force": None}, keeps_lease=keeps_lease)
        done.append(decision.status)
        assert (decision.is_approved, decision.is_used) == (True, True)
        free = await task.approve("database.read", {"name": task.text})
        return free.status

    rule = ApprovalRule(operations=("database.drop*",), roles=("operator",), required=2)
    await bureau.register_agent("a", policy=AgentPolicy(approvals=(rule,)))
    async with (
        open_person(service, "ada", "operator") as ada,
        open_person(service, "grace", "operator") as grace,
        open_person(service, "eve") as eve,
        working(bureau, drop),
    ):
        task_id = (await bureau.submit_task("a", "orders")).task_id
        asked = await wait_for_event(bureau, task_id, "task.approval_requested")
        approval_id = UUID(str(asked["approval_id"]))
        assert [each.approval_id async for each in ada.iterate_approvals(status="pending")] == [approval_id]
        shown = await ada.get_approval(approval_id)
        assert (shown.operation, shown.arguments) == ("database.drop", {"name": "orders", "force": None})
        for stranger in (bureau, eve):
            with pytest.raises(PermissionDeniedError):
                await stranger.decide_approval(approval_id, "approve")
        assert (await ada.decide_approval(approval_id, "approve", reason="an old one")).status == "pending"
        with pytest.raises(ConflictError, match="already_voted"):
            await ada.decide_approval(approval_id, "approve")
        assert (await grace.decide_approval(approval_id, "approve")).status == "approved"
        task = await bureau.wait_for_task(task_id)
    assert (task.status.state, done) == (TaskState.COMPLETED, ["approved"])
    assert task.status.message is not None
    assert task.status.message.text == "not_required"


@pytest.mark.parametrize("keeps_lease", [True, False])
async def test_a_refusal_comes_back_where_the_rule_lets_the_task_go_on(service: Service, *, keeps_lease: bool) -> None:
    async def drop(task: TaskContext) -> str:
        return (await task.approve("drop", {"name": task.text}, keeps_lease=keeps_lease)).status

    bureau = service.client
    rule = ApprovalRule(operations=("drop",), people=("ada",), on_refusal="resume")
    await bureau.register_agent("a", policy=AgentPolicy(approvals=(rule,)))
    async with open_person(service, "ada") as ada, working(bureau, drop):
        task_id = (await bureau.submit_task("a", "orders")).task_id
        asked = await wait_for_event(bureau, task_id, "task.approval_requested")
        await ada.decide_approval(UUID(str(asked["approval_id"])), "refuse", reason="we need it")
        task = await bureau.wait_for_task(task_id)
    assert task.status.message is not None
    assert task.status.message.text == "refused"


async def test_a_refusal_ends_the_task_and_the_handler_that_waits(service: Service) -> None:
    ended = asyncio.Event()

    async def drop(task: TaskContext) -> None:
        try:
            await task.approve("drop")
        finally:
            ended.set()

    bureau = service.client
    rule = ApprovalRule(operations=("drop",), people=("ada",))
    await bureau.register_agent("a", policy=AgentPolicy(approvals=(rule,)))
    async with open_person(service, "ada") as ada, working(bureau, drop):
        task_id = (await bureau.submit_task("a", "orders")).task_id
        asked = await wait_for_event(bureau, task_id, "task.approval_requested")
        await ada.decide_approval(UUID(str(asked["approval_id"])), "refuse")
        await asyncio.wait_for(ended.wait(), 10)
        task = await bureau.wait_for_task(task_id)
    assert task.status.state is TaskState.REJECTED


async def test_messages_reach_a_running_handler_in_order_and_once(bureau: BureauClient) -> None:
    heard: list[str] = []

    async def listen(task: TaskContext) -> None:
        async for message in task.follow_messages():
            heard.append(message.text)
            if message.text == "stop":
                return

    await bureau.register_agent("a")
    async with working(bureau, listen):
        task_id = (await bureau.submit_task("a", "listen")).task_id
        await bureau.add_message(task_id, "one")
        await wait_for_event(bureau, task_id, "task.started")
        for text in ("two", "three", "stop"):
            await bureau.add_message(task_id, text)
        await bureau.wait_for_task(task_id)
    assert heard == ["one", "two", "three", "stop"]


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


async def test_a_spent_budget_stops_the_handler_until_somebody_raises_it(bureau: BureauClient) -> None:
    spent: list[str] = []

    async def spend(task: TaskContext) -> str:
        while len(spent) < 4:
            spent.append("1")
            await task.report_usage(cost="1", model="m")
        return "done"

    await bureau.register_agent("a")
    budget = await bureau.set_budget("context:c-1", "2", warn_fraction="0.5")
    with pytest.raises(ConflictError, match="budget_exists"):
        await bureau.set_budget("context:c-1", "5", spent="1")
    async with working(bureau, spend):
        task_id = (await bureau.submit_task("a", "spend", context_id="c-1")).task_id
        await wait_for_event(bureau, task_id, "task.input_requested")
        assert len(spent) == 2
        with pytest.raises(ConflictError):
            await bureau.provide_input(task_id, "go on")
        assert (await bureau.change_budget(budget.budget_id, amount="10")).status == "active"
        assert await bureau.resume_tasks(budget.budget_id, "go on") == (task_id,)
        task = await bureau.wait_for_task(task_id)
    assert task.status.state is TaskState.COMPLETED
    used = await bureau.get_usage(context_id="c-1")
    assert (used.usage.cost, used.by_model[0].model) == ({"USD": Decimal(4)}, "m")
    assert (await bureau.get_budget(budget.budget_id)).amount == Decimal(10)
    assert [each.scope async for each in bureau.iterate_budgets(status="active")] == ["context:c-1"]
    assert (await bureau.get_context("c-1")).by_state == {TaskState.COMPLETED: 1}
    assert (await bureau.remove_budget(budget.budget_id)).status == "removed"


async def test_a_worker_hears_of_a_budget_that_is_nearly_spent_and_of_the_deadline(bureau: BureauClient) -> None:
    async def spend(task: TaskContext) -> str:
        await task.report_usage(cost="1.50")
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while not task.budgets:
                    await asyncio.sleep(0.01)
        assert task.deadline == deadline
        return ", ".join(f"{budget.scope} {budget.spent} of {budget.amount}" for budget in task.budgets)

    await bureau.register_agent("a")
    await bureau.set_budget("workspace", "2", warn_fraction="0.5", window="day", on_breach="fail")
    deadline = now() + timedelta(hours=1)
    async with working(bureau, spend, lease_seconds=1):
        task = await bureau.wait_for_task((await bureau.submit_task("a", "spend", deadline=deadline)).task_id)
    assert task.status.message is not None
    assert task.status.message.text.startswith("workspace 1.5")


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
