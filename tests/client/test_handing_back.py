"""What a worker that stops does with the tasks that it has no time for, against the fake of the protocol."""

import asyncio

from client import TaskContext
from tests.client.fake_service import FakeService, Fault
from tests.client.test_worker import greet, submit, working
from tests.polling import poll_until


async def wait(task: TaskContext) -> None:
    task.usage(tool_calls=7)
    await asyncio.Event().wait()


async def test_what_was_leased_in_the_moment_of_the_stop_is_handed_back() -> None:
    service = FakeService(mute={"leases"})
    async with working(service, greet):
        task_id = await submit(service)
        await poll_until(lambda: "task.started" in service.types(task_id))
    polls = service.calls("leases")[-2:]
    assert [seen.body["wait_seconds"] for seen in polls] == [20, 0]
    assert polls[0].headers["idempotency-key"] == polls[1].headers["idempotency-key"]
    assert service.types(task_id) == ["task.submitted", "task.started", "task.released"]


async def test_a_handler_that_the_drain_cancelled_hands_its_task_back_with_what_it_used() -> None:
    service = FakeService()
    task_id = await submit(service)
    async with working(service, wait, drain_seconds=0.1):
        await poll_until(lambda: "task.started" in service.types(task_id))
    assert service.types(task_id) == ["task.submitted", "task.started", "task.released"]
    assert service.tasks[task_id][-1]["data"] == {"usage": {"tool_calls": 7}}


async def test_a_release_that_finds_the_task_canceled_is_an_acknowledgement() -> None:
    service = FakeService(refusals={"release": Fault(409, "task_canceled")})
    task_id = await submit(service)
    async with working(service, wait, drain_seconds=0.1):
        await poll_until(lambda: "task.started" in service.types(task_id))
    assert [seen.body for seen in service.calls("acknowledge-cancel")] == [{"usage": {"tool_calls": 7}}]


async def test_a_lost_lease_is_not_handed_back() -> None:
    service = FakeService(lease_seconds=1, refusals={"heartbeat": Fault(409, "lease_lost")})
    task_id = await submit(service)
    async with working(service, wait, drain_seconds=5):
        await poll_until(lambda: "task.started" in service.types(task_id))
        await poll_until(lambda: len(service.calls("leases")) > 1, what="the worker to go on")
    assert not service.calls("release")


async def test_a_stop_is_not_held_up_by_a_service_that_does_not_answer() -> None:
    service = FakeService()
    async with working(service, greet) as stop:
        await poll_until(lambda: service.calls("leases"))
        service.lost_answers.extend(["connection reset"] * 99)
        stop.set()
    assert not service.calls("release")
