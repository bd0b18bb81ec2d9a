"""Budgets and what is spent of them, from client to worker and back on real servers."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest

from client import (
    BureauClient,
    ConflictError,
    TaskContext,
    TaskState,
)
from infrastructure.clock import now
from tests.client.service import wait_for_event, working


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
