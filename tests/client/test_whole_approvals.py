"""Approvals and refusals, from client to worker and back on real servers."""

import asyncio
from uuid import UUID

import pytest

from client import (
    AgentPolicy,
    ApprovalRule,
    ConflictError,
    PermissionDeniedError,
    TaskContext,
    TaskState,
)
from tests.client.service import Service, open_person, wait_for_event, working


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
