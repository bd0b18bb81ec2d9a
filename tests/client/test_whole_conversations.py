"""Questions, answers and messages, from client to worker and back on real servers."""

import asyncio
from uuid import UUID

import pytest
from pydantic import BaseModel

from client import (
    AgentPolicy,
    AgentRetryPolicy,
    BureauClient,
    InvalidRequestError,
    TaskContext,
)
from tests.client.service import wait_for_event, working

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
