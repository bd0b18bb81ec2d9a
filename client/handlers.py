"""Running a handler of any kind: coroutine, async generator, or blocking function or generator in a thread."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from typing import Any, cast

from client.content import Content
from client.task_context import TaskContext

__all__ = ["Handler", "Step", "TaskFailedError", "TaskRejectedError", "invoke_handler", "run_in_thread"]

type Step = float | str | tuple[float, str]
"""What a generator yields: a fraction (0 to 1), words, or both."""

type Handler = Callable[
    [TaskContext], Awaitable[Content | None] | AsyncIterator[Step] | Iterator[Step] | Content | None
]
"""A handler's return value becomes the message with which the task completes; None completes it without one."""


class TaskFailedError(Exception):
    """Raise it in a handler to fail the task with a code for programs and a reason for people.

    With `retryable` another attempt follows, as the agent's policy says.

        raise TaskFailedError("bad_input", "The log has no lines.")
    """

    def __init__(self, code: str, reason: str, *, retryable: bool = False) -> None:
        self.code = code
        self.reason = reason
        self.retryable = retryable
        super().__init__(f"{code}: {reason}")


class TaskRejectedError(Exception):
    """Raise it in a handler to decline the task for good, with a reason for people."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


async def invoke_handler(handler: Handler, task: TaskContext) -> Content | None:
    """Run the handler to its end, report what it yields, and return what it returns."""
    if inspect.isasyncgenfunction(handler):
        async with aclosing(handler(task)) as steps:
            async for step in steps:
                await _report_step(task, step)
        return None
    if inspect.isgeneratorfunction(handler):
        return await _drive_generator(handler(task), task)
    if inspect.iscoroutinefunction(handler):
        return cast("Content | None", await handler(task))
    result = await run_in_thread(handler, task)
    return cast("Content | None", await result if inspect.isawaitable(result) else result)


async def run_in_thread[Result](function: Callable[..., Result], *arguments: Any) -> Result:  # noqa: ANN401 - any call
    """Return what the blocking call returns; it runs in a thread that doesn't keep the process alive.

    Nothing can stop a thread: a first cancellation waits for its end, a second one leaves it alone.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()
    context = contextvars.copy_context()

    def call() -> None:
        try:
            result = context.run(function, *arguments)
        except BaseException as error:  # noqa: BLE001 - raised again where the call was made
            _settle(loop, outcome, error=error)
        else:
            _settle(loop, outcome, result=result)

    threading.Thread(target=call, name="bureau-handler", daemon=True).start()
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        await asyncio.wait({outcome})
        outcome.exception()
        raise


def _settle[Result](
    loop: asyncio.AbstractEventLoop,
    outcome: "asyncio.Future[Result]",
    *,
    result: Result | None = None,
    error: BaseException | None = None,
) -> None:
    def settle() -> None:
        if outcome.done():
            return
        if error is None:
            outcome.set_result(cast("Result", result))
        else:
            outcome.set_exception(error)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settle)


async def _drive_generator(steps: Any, task: TaskContext) -> Content | None:  # noqa: ANN401 - a generator's three types
    """Run each part of a blocking generator in a thread, and report what it yields in between."""

    def advance() -> tuple[bool, Any]:
        try:
            return False, next(steps)
        except StopIteration as end:
            return True, end.value

    while True:
        is_finished, value = await run_in_thread(advance)
        if is_finished:
            return cast("Content | None", value)
        await _report_step(task, value)


async def _report_step(task: TaskContext, step: Step) -> None:
    match step:
        case str():
            await task.progress(text=step)
        case (fraction, text):
            await task.progress(fraction, text)
        case _:
            await task.progress(step)
