"""How a worker stops, and what it does with the tasks that it has no time for, against the fake of the protocol."""

import asyncio
import os
import signal
import threading

from client import TaskContext, Worker
from tests.client.fake_service import FakeService, Fault, open_client
from tests.client.test_worker import ended, greet, submit, working
from tests.polling import poll_until


async def test_a_stop_lets_running_handlers_end_with_heartbeats_and_leases_nothing_more() -> None:
    service = FakeService(lease_seconds=1)
    release = asyncio.Event()

    async def wait(_task: TaskContext) -> str:
        await release.wait()
        return "done"

    task_id = await submit(service)
    async with working(service, wait, drain_seconds=20) as stop:
        await poll_until(lambda: "task.started" in service.types(task_id))
        stop.set()
        beats = len(service.calls("heartbeat"))
        later_id = await submit(service)
        await poll_until(lambda: len(service.calls("heartbeat")) > beats + 1, what="heartbeats while draining")
        assert service.types(later_id) == ["task.submitted"]
        release.set()
        assert await ended(service, task_id) == ["task.completed"]


async def test_a_drain_is_bounded_even_for_a_thread_that_never_ends() -> None:
    service = FakeService()
    release = threading.Event()

    def hang(_task: TaskContext) -> None:
        release.wait(60)

    task_id = await submit(service)
    async with working(service, hang, drain_seconds=0.1) as stop:
        await poll_until(lambda: "task.started" in service.types(task_id))
        stop.set()
    release.set()
    assert service.state(task_id) == "working"
    assert not service.calls("release"), "the thread may still work on it"


async def test_a_worker_of_retired_agents_ends_its_tasks_however_long_they_take_and_then_itself() -> None:
    service = FakeService(lease_seconds=1)
    release = asyncio.Event()

    async def wait(_task: TaskContext) -> str:
        await release.wait()
        return "done"

    task_id = await submit(service)
    async with open_client(service) as bureau:
        worker = Worker(bureau, ["a"], drain_seconds=0, concurrency=2)
        worker.handler(wait)
        running = asyncio.create_task(worker.run())
        await poll_until(lambda: "task.started" in service.types(task_id))
        service.refusals["leases"] = Fault(409, "agent_retired")
        beats = len(service.calls("heartbeat"))
        await poll_until(lambda: len(service.calls("heartbeat")) > beats + 1, what="heartbeats after the retirement")
        release.set()
        await asyncio.wait_for(running, 10)
    assert service.types(task_id)[2:] == ["task.completed"]


async def test_a_stop_after_the_retirement_still_bounds_the_drain() -> None:
    service = FakeService()

    async def wait(_task: TaskContext) -> None:
        await asyncio.Event().wait()

    task_id = await submit(service)
    async with working(service, wait, drain_seconds=0.1, concurrency=2):
        await poll_until(lambda: "task.started" in service.types(task_id))
        service.refusals["leases"] = Fault(409, "agent_retired")
        leases = len(service.calls("leases"))
        await poll_until(lambda: len(service.calls("leases")) > leases, what="the worker to hear of it")
    assert service.state(task_id) == "working"


async def test_a_signal_stops_the_worker_cleanly() -> None:
    service = FakeService()
    async with open_client(service) as bureau:
        worker = Worker(bureau, ["a"])
        worker.handler(greet)
        running = asyncio.create_task(worker.run())
        await poll_until(lambda: service.calls("leases"))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 10)


async def spend(task: TaskContext) -> None:
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
    async with working(service, spend, drain_seconds=0.1):
        await poll_until(lambda: "task.started" in service.types(task_id))
    assert service.types(task_id) == ["task.submitted", "task.started", "task.released"]
    assert service.tasks[task_id][-1]["data"] == {"usage": {"tool_calls": 7}}


async def test_a_release_that_finds_the_task_canceled_is_an_acknowledgement() -> None:
    service = FakeService(refusals={"release": Fault(409, "task_canceled")})
    task_id = await submit(service)
    async with working(service, spend, drain_seconds=0.1):
        await poll_until(lambda: "task.started" in service.types(task_id))
    assert [seen.body for seen in service.calls("acknowledge-cancel")] == [{"usage": {"tool_calls": 7}}]


async def test_a_lost_lease_is_not_handed_back() -> None:
    service = FakeService(lease_seconds=1, refusals={"heartbeat": Fault(409, "lease_lost")})
    task_id = await submit(service)
    async with working(service, spend, drain_seconds=5):
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
