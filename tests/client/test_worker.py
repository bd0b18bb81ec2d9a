"""The worker loop and its handlers, against the fake of the protocol."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager

import pytest

from client import (
    AuthenticationError,
    Handler,
    TaskContext,
    TaskFailedError,
    Worker,
)
from tests.client.fake_service import FakeService, Fault, open_client
from tests.polling import poll_until


@asynccontextmanager
async def working(
    service: FakeService, handler: Handler, drain_seconds: float = 5.0, concurrency: int = 1
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with open_client(service) as bureau:
        worker = Worker(bureau, ["a"], drain_seconds=drain_seconds, concurrency=concurrency)
        worker.handler(handler)
        running = asyncio.create_task(worker.run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await asyncio.wait_for(running, 15)


async def submit(service: FakeService, text: str = "Ada") -> str:
    async with open_client(service) as bureau:
        return str((await bureau.submit_task("a", text)).task_id)


async def ended(service: FakeService, task_id: str) -> list[str]:
    await poll_until(lambda: service.state(task_id) not in {"submitted", "working"}, what="the task's end")
    return service.types(task_id)[2:]


async def greet(task: TaskContext) -> str:
    await task.progress(0.5, "thinking")
    return f"Hello, {task.text}!"


async def greet_in_steps(task: TaskContext) -> AsyncIterator[float]:
    yield 0.5
    task.reply(f"Hello, {task.text}!")


def greet_blocking(task: TaskContext) -> str:
    task.wait(task.progress(0.5))
    return f"Hello, {task.text}!"


def greet_in_blocking_steps(task: TaskContext) -> Generator[tuple[float, str], None, str]:
    yield 0.5, "thinking"
    return f"Hello, {task.text}!"


@pytest.mark.parametrize("handler", [greet, greet_in_steps, greet_blocking, greet_in_blocking_steps])
async def test_every_kind_of_handler_reports_and_completes(handler: Handler) -> None:
    service = FakeService()
    task_id = await submit(service)
    async with working(service, handler):
        assert await ended(service, task_id) == ["task.progressed", "task.completed"]
    last = service.tasks[task_id][-1]["data"]
    assert last["message"]["role"] == "agent"
    assert last["message"]["parts"] == [{"text": "Hello, Ada!"}]
    assert service.calls("complete")[0].headers["lease-token"] == f"token-{task_id}"


async def test_an_exception_fails_the_task_without_its_text_or_trace(caplog: pytest.LogCaptureFixture) -> None:
    async def explode(_task: TaskContext) -> None:
        raise RuntimeError("password=hunter2")

    service = FakeService()
    task_id = await submit(service)
    async with working(service, explode):
        assert await ended(service, task_id) == ["task.failed"]
    report = service.tasks[task_id][-1]["data"]
    assert report == {"code": "handler_error", "reason": "The handler raised RuntimeError.", "retryable": True}
    assert "hunter2" in caplog.text


async def test_a_refusal_fails_the_task_with_its_code_and_reason() -> None:
    def refuse(_task: TaskContext) -> None:
        raise TaskFailedError("bad_input", "No\x00thing")

    service = FakeService()
    task_id = await submit(service)
    async with working(service, refuse):
        await ended(service, task_id)
    assert service.tasks[task_id][-1]["data"] == {"code": "bad_input", "reason": "No\ufffdthing"}


async def test_a_result_that_cannot_be_sent_fails_the_task() -> None:
    async def answer_nonsense(_task: TaskContext) -> str:
        return "\ud800"

    service = FakeService()
    task_id = await submit(service)
    async with working(service, answer_nonsense):
        assert await ended(service, task_id) == ["task.failed"]


async def test_a_handler_that_blocks_the_event_loop_does_not_stop_its_heartbeats() -> None:
    service = FakeService(lease_seconds=1)
    beats: list[int] = []

    async def block(_task: TaskContext) -> None:
        deadline = time.monotonic() + 10
        while len(service.calls("heartbeat")) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)  # noqa: ASYNC251 - blocking the loop is what is tested
        beats.append(len(service.calls("heartbeat")))

    task_id = await submit(service)
    async with working(service, block):
        assert await ended(service, task_id) == ["task.completed"]
    assert beats == [2]


@pytest.mark.parametrize("code", ["lease_lost", "wrong_state"])
async def test_a_lost_lease_cancels_the_handler_and_nothing_more_is_reported(code: str) -> None:
    service = FakeService(lease_seconds=1, refusals={"heartbeat": Fault(409, code)})
    canceled = asyncio.Event()

    async def wait(_task: TaskContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            canceled.set()

    task_id = await submit(service)
    async with working(service, wait):
        await asyncio.wait_for(canceled.wait(), 10)
        next_id = await submit(service)
        await poll_until(lambda: "task.started" in service.types(next_id), what="the worker goes on")
        assert service.types(task_id) == ["task.submitted", "task.started"]


async def test_a_blocking_handler_sees_that_its_lease_is_lost() -> None:
    service = FakeService(lease_seconds=1, refusals={"heartbeat": Fault(409, "lease_lost")})
    seen = threading.Event()

    def look_around(task: TaskContext) -> str:
        deadline = time.monotonic() + 10
        while not task.is_canceled and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.set()
        return "too late"

    task_id = await submit(service)
    async with working(service, look_around):
        await poll_until(seen.is_set)
    assert service.types(task_id) == ["task.submitted", "task.started"]


async def test_trouble_that_may_pass_is_waited_out_and_a_wrong_key_is_not() -> None:
    service = FakeService()
    service.faults.extend([Fault(503, "unavailable")] * 5)
    async with working(service, greet):
        task_id = await submit_when_well(service)
        assert (await ended(service, task_id))[-1] == "task.completed"
    service.faults.append(Fault(401, "unauthenticated"))
    async with open_client(service) as bureau:
        worker = Worker(bureau, ["a"])
        worker.handler(greet)
        with pytest.raises(AuthenticationError):
            await worker.run()


async def submit_when_well(service: FakeService) -> str:
    await poll_until(lambda: not service.faults)
    return await submit(service)


async def test_a_worker_without_a_handler_says_so() -> None:
    async with open_client(FakeService()) as bureau:
        with pytest.raises(RuntimeError, match=r"@worker\.handler"):
            await Worker(bureau, ["a"]).run()
