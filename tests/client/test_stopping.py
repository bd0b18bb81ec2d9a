"""Workers that stop, against the real line: no task waits for a lease that nobody holds, and no attempt is lost."""

import asyncio
from random import Random
from uuid import UUID

from client import AgentPolicy, BureauClient, Handler, TaskContext, TaskState, Worker
from tests.client.service import wait_for_event

ONCE = AgentPolicy(max_attempts=1, lease_seconds=600)


def start(client: BureauClient, handler: Handler, stop: asyncio.Event, concurrency: int = 1) -> asyncio.Task[None]:
    worker = Worker(client, ["a"], drain_seconds=0, concurrency=concurrency)
    worker.handler(handler)
    return asyncio.create_task(worker.run(stop))


async def types(client: BureauClient, task_id: UUID) -> list[str]:
    return [entry.type.removeprefix("task.") async for entry in client.iterate_timeline(task_id)]


async def hang(task: TaskContext) -> None:
    task.usage(tool_calls=7)
    await asyncio.Event().wait()


async def greet(task: TaskContext) -> str:
    return f"Hello, {task.text}!"


async def test_a_task_that_a_stopped_worker_had_no_time_for_goes_on_at_the_next(bureau: BureauClient) -> None:
    await bureau.register_agent("a", policy=ONCE)
    stop = asyncio.Event()
    first = start(bureau, hang, stop)
    task_id = (await bureau.submit_task("a", "Ada")).task_id
    await wait_for_event(bureau, task_id, "task.started")
    stop.set()
    await asyncio.wait_for(first, 10)

    second = start(bureau, greet, last := asyncio.Event())
    async with asyncio.timeout(15):
        task = await bureau.wait_for_task(task_id)
    last.set()
    await asyncio.wait_for(second, 10)
    assert (task.status.state, task.attempt, task.usage.tool_calls) == (TaskState.COMPLETED, 1, 7)
    assert await types(bureau, task_id) == [
        *("submitted", "started", "usage_reported", "released", "resumed", "completed"),
    ]


async def test_a_task_that_waits_for_a_person_outlives_its_worker(bureau: BureauClient) -> None:
    async def ask(task: TaskContext) -> str:
        return (await task.ask("Which colour?")).text

    await bureau.register_agent("a", policy=ONCE)
    stop = asyncio.Event()
    first = start(bureau, ask, stop)
    task_id = (await bureau.submit_task("a", "a door")).task_id
    await wait_for_event(bureau, task_id, "task.input_requested")
    stop.set()
    await asyncio.wait_for(first, 10)
    await bureau.provide_input(task_id, "blue")

    second = start(bureau, ask, last := asyncio.Event())
    async with asyncio.timeout(15):
        task = await bureau.wait_for_task(task_id)
    last.set()
    await asyncio.wait_for(second, 10)
    assert task.status.message is not None
    assert (task.status.message.text, task.attempt) == ("blue", 1)
    assert (await types(bureau, task_id)).count("input_requested") == 1


async def test_no_task_is_left_behind_by_workers_that_stop_while_tasks_come(bureau: BureauClient) -> None:
    await bureau.register_agent("a", policy=ONCE)
    randomness, tasks = Random(7), list[UUID]()
    for _ in range(40):
        stop = asyncio.Event()
        worker = start(bureau, greet, stop)
        await asyncio.sleep(0.03)
        submitting = asyncio.create_task(bureau.submit_task("a", "Ada"))
        await asyncio.sleep(randomness.uniform(0, 0.03))
        stop.set()
        tasks.append((await submitting).task_id)
        await asyncio.wait_for(worker, 10)

    last = start(bureau, greet, stop := asyncio.Event(), concurrency=9)
    async with asyncio.timeout(30):
        ended = [await bureau.wait_for_task(task_id) for task_id in tasks]
    stop.set()
    await asyncio.wait_for(last, 10)
    assert {(task.status.state, task.attempt) for task in ended} == {(TaskState.COMPLETED, 1)}


async def test_a_task_of_a_retired_agent_goes_on_to_its_end_and_the_worker_to_its_own(bureau: BureauClient) -> None:
    release = asyncio.Event()

    async def wait(_task: TaskContext) -> str:
        await release.wait()
        return "done"

    agent_id = (await bureau.register_agent("a", policy=AgentPolicy(max_attempts=1, lease_seconds=1))).agent_id
    worker = start(bureau, wait, asyncio.Event(), concurrency=2)
    task_id = (await bureau.submit_task("a", "Ada")).task_id
    await wait_for_event(bureau, task_id, "task.started")
    await bureau.retire_agent(agent_id)
    done, _ = await asyncio.wait({worker}, timeout=3)
    assert not done
    release.set()
    assert (await bureau.wait_for_task(task_id)).status.state is TaskState.COMPLETED
    await asyncio.wait_for(worker, 10)
