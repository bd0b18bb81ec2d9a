"""What a client sees of a task's history, and how a worker ends whose agents are retired, on real servers."""

import asyncio

from client import AgentPolicy, AgentRetryPolicy, BureauClient, TaskContext, Worker, user_message

POLICY = AgentPolicy(max_attempts=3, retry=AgentRetryPolicy(base_seconds=0))


async def test_a_task_tells_its_attempts_with_their_reasons_and_what_it_waits_for(bureau: BureauClient) -> None:
    await bureau.register_agent("a", policy=POLICY)
    task_id = (await bureau.submit_task("a", "a door")).task_id
    (lease,) = await bureau.lease_tasks(["a"], worker="first")
    await bureau.fail_task(lease, code="no_paint", reason="The shop is shut.", retryable=True)
    (lease,) = await bureau.lease_tasks(["a"], worker="second", wait_seconds=5)
    question = await bureau.request_input(lease, user_message("Which colour?").model_copy(update={"role": "agent"}))

    task = await bureau.get_task(task_id)

    assert [(each.worker, each.code, each.reason) for each in task.attempts] == [
        ("first", "no_paint", "The shop is shut.")
    ]
    assert task.waiting is not None
    assert (task.waiting.kind, task.waiting.request_id) == ("input", question.request_id)
    assert task.waiting.message is not None
    assert task.waiting.message.text == "Which colour?"


async def test_budgets_are_listed_by_scope_and_status(bureau: BureauClient) -> None:
    await bureau.set_budget("workspace", "10")
    other = await bureau.set_budget("context:c", "1")
    await bureau.remove_budget(other.budget_id)

    async def scopes(**chosen: str) -> list[str]:
        return [budget.scope async for budget in bureau.iterate_budgets(**chosen)]  # type: ignore[arg-type] # literals

    assert await scopes(status="active") == ["workspace"]
    assert await scopes(scope="context:c") == ["context:c"]
    assert await scopes(scope="context:c", status="active") == []


async def test_a_worker_whose_agents_are_all_retired_ends_what_it_has_and_leaves(bureau: BureauClient) -> None:
    agent = await bureau.register_agent("a")
    began, may_end = asyncio.Event(), asyncio.Event()
    worker = Worker(bureau, ["a"], concurrency=2, poll_seconds=1)

    @worker.handler
    async def work(_task: TaskContext) -> str:
        began.set()
        await may_end.wait()
        return "done"

    task_id = (await bureau.submit_task("a", "a door")).task_id
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(began.wait(), 20)

    await bureau.retire_agent(agent.agent_id)
    may_end.set()

    await asyncio.wait_for(running, 20)
    assert (await bureau.get_task(task_id)).status.state == "completed"
