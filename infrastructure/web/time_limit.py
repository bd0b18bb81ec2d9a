"""A bound on the time of every HTTP request: a server that hangs behind us must not hang whoever asked us."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.web.errors import ApiError, error_response

__all__ = ["allow_seconds", "time_limit"]

_DEADLINE: Final = "bureau.deadline"


def allow_seconds(request: Request, seconds: float) -> None:
    """Give a request that asked to wait so many seconds more than its limit."""
    if _DEADLINE in request.scope:
        request.scope[_DEADLINE] += seconds


@dataclass(frozen=True, slots=True)
class _Request:
    """A request under way: its task, and the timer that runs out; `late` has what answers in its place then."""

    scope: Scope
    receive: Receive
    send: Send
    task: asyncio.Task[object]
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    late: list[asyncio.Task[None]] = field(default_factory=list)


def time_limit(application: ASGIApp, *, seconds: float) -> ASGIApp:
    """Wrap an application: answers 503 `unavailable` where an answer has not begun within so many seconds.

    The request is cancelled then, and not waited for, since what it hangs on may hang its cancellation as well: a task
    of its own answers. One that is in time costs a timer, and no task.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        request = _Request(scope, receive, send, _current_task())
        scope[_DEADLINE] = asyncio.get_running_loop().time() + seconds
        _watch(request, seconds, seconds)

        async def send_in_time(message: Message) -> None:
            if not request.late:
                request.timers[0].cancel()
                await send(message)

        try:
            await application(scope, receive, send_in_time)
        except BaseException:
            if not request.late:
                raise
        finally:
            request.timers[0].cancel()
        if request.late:
            request.task.uncancel()
            await request.late[0]

    return handle


def _current_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - whoever serves ASGI does it in tasks
    return task


def _watch(request: _Request, wait: float, seconds: float) -> None:
    """Look at a request again after some time."""
    request.timers[:] = [asyncio.get_running_loop().call_later(wait, _expire, request, seconds)]


def _expire(request: _Request, seconds: float) -> None:
    """Answer in a request's place and cancel it, unless it was given more time meanwhile."""
    remaining = request.scope[_DEADLINE] - asyncio.get_running_loop().time()
    if remaining > 0:
        _watch(request, remaining, seconds)
        return
    request.late.append(asyncio.create_task(_answer(request, seconds)))
    request.task.cancel()


async def _answer(request: _Request, seconds: float) -> None:
    """Say that there was no answer in time."""
    message = f"There was no answer within {seconds:g} seconds; send the same request again."
    error = ApiError(503, "unavailable", message, is_retryable=True, headers={"Retry-After": "1"})
    await error_response(error, request.scope["request_id"])(request.scope, request.receive, request.send)
