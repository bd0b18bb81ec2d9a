"""What a handler hears and how it ends, against the fake of the protocol."""

import asyncio

import pytest

from client import TaskContext, TaskFailedError, TaskRejectedError, user_message
from tests.client.fake_service import FakeService, Fault
from tests.client.test_worker import ended, submit, working
from tests.polling import poll_until


def say(service: FakeService, *texts: str) -> None:
    service.later.extend(user_message(text).model_dump(mode="json", exclude_none=True) for text in texts)


async def test_messages_come_once_and_in_order_though_answers_of_heartbeats_are_lost() -> None:
    service, heard = FakeService(lease_seconds=3), list[str]()

    async def listen(task: TaskContext) -> None:
        async for message in task.follow_messages():
            heard.append(message.text)
            if message.text == "stop":
                return

    task_id = await submit(service)
    async with working(service, listen):
        await poll_until(lambda: service.calls("heartbeat"))
        say(service, "one", "two")
        service.lost_answers.append("connection reset")
        await poll_until(lambda: "two" in heard)
        say(service, "stop")
        assert await ended(service, task_id) == ["task.completed"]
    assert heard == ["one", "two", "stop"]
    received = [seen.body["received"] for seen in service.calls("heartbeat")]
    assert received == sorted(received)


async def test_heartbeats_come_often_only_while_the_handler_waits() -> None:
    service, release = FakeService(lease_seconds=30), asyncio.Event()

    async def listen(task: TaskContext) -> str:
        message = await task.next_message()
        beats = len(service.calls("heartbeat"))
        await release.wait()
        assert len(service.calls("heartbeat")) == beats
        return message.text

    task_id = await submit(service)
    async with working(service, listen):
        say(service, "hello")
        await poll_until(lambda: service.calls("heartbeat"), timeout=3)
        release.set()
        assert await ended(service, task_id) == ["task.completed"]


async def test_a_cancellation_is_acknowledged_after_the_handler_has_ended() -> None:
    service = FakeService(lease_seconds=1, refusals={"heartbeat": Fault(409, "task_canceled")})
    acknowledged: list[int] = []

    async def wait(_task: TaskContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            acknowledged.append(len(service.calls("acknowledge-cancel")))

    await submit(service)
    async with working(service, wait):
        await poll_until(lambda: service.calls("acknowledge-cancel"))
    assert acknowledged == [0]
    assert len(service.calls("acknowledge-cancel")) == 1


@pytest.mark.parametrize("code", ["task_canceled", "lease_lost"])
async def test_only_a_cancellation_that_a_report_meets_is_acknowledged(code: str) -> None:
    service = FakeService(refusals={"progress": Fault(409, code)})

    async def report(task: TaskContext) -> None:
        await task.progress(0.5)

    await submit(service)
    async with working(service, report):
        await poll_until(lambda: service.calls("progress"))
        await submit(service)
        await poll_until(lambda: len(service.calls("progress")) > 1)
    assert not service.calls("fail")
    assert len(service.calls("acknowledge-cancel")) == (2 if code == "task_canceled" else 0)


@pytest.mark.parametrize("verb", ["heartbeat", "progress", "complete"])
async def test_what_was_used_until_a_cancellation_goes_with_its_acknowledgement(verb: str) -> None:
    service = FakeService(lease_seconds=1, refusals={verb: Fault(409, "task_canceled")})

    async def spend(task: TaskContext) -> str:
        task.usage(cost="1", model="small")
        if verb == "progress":
            await task.progress(0.5)
        elif verb == "heartbeat":
            try:
                await asyncio.Event().wait()
            finally:
                task.usage(cost="2", model="large")
        return "done"

    await submit(service)
    expected = [{"cost": "1", "model": "small"}, {"cost": "2", "model": "large"}]
    count = 2 if verb == "heartbeat" else 1
    async with working(service, spend):
        await poll_until(lambda: len(service.calls("acknowledge-cancel")) == count)
    assert [seen.body["usage"] for seen in service.calls("acknowledge-cancel")] == expected[:count]


@pytest.mark.parametrize("retryable", [True, False])
async def test_a_failure_says_whether_it_may_be_tried_again(*, retryable: bool) -> None:
    async def refuse(_task: TaskContext) -> None:
        raise TaskFailedError("busy", "Later.", retryable=retryable)

    service = FakeService()
    task_id = await submit(service)
    async with working(service, refuse):
        assert await ended(service, task_id) == ["task.failed"]
    assert service.tasks[task_id][-1]["data"].get("retryable", False) is retryable


async def test_a_rejection_tells_what_was_used() -> None:
    async def decline(task: TaskContext) -> None:
        task.usage(tool_calls=1)
        raise TaskRejectedError("Not for robots.")

    service = FakeService()
    task_id = await submit(service)
    async with working(service, decline):
        assert await ended(service, task_id) == ["task.rejected"]
    assert service.tasks[task_id][-1]["data"] == {"reason": "Not for robots.", "usage": {"tool_calls": 1}}
