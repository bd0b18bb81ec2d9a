"""A bound on the time of every HTTP request: a server that hangs behind us must not hang whoever asked us."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.web.errors import ApiError

__all__ = ["allow_seconds", "time_limit"]

_DEADLINE: Final = "bureau.deadline"


def allow_seconds(request: Request, seconds: float) -> None:
    """Give a request that asked to wait so many seconds more than its limit."""
    if _DEADLINE in request.scope:
        request.scope[_DEADLINE] += seconds


def time_limit(application: ASGIApp, *, seconds: float) -> ASGIApp:
    """Wrap an application: raises ApiError 503 `unavailable` where an answer has not begun within so many seconds.

    The request is cancelled and not waited for, since what it hangs on may hang its cancellation as well.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        scope[_DEADLINE] = loop.time() + seconds
        is_started = is_over = False

        async def send_in_time(message: Message) -> None:
            nonlocal is_started
            if is_over:
                return
            is_started = True
            await send(message)

        task = asyncio.ensure_future(application(scope, receive, send_in_time))
        try:
            while not task.done():
                remaining = None if is_started else scope[_DEADLINE] - loop.time()
                if remaining is not None and remaining <= 0:
                    break
                await asyncio.wait({task}, timeout=remaining)
        finally:
            is_over = not task.done()
            if is_over:
                task.cancel()
                task.add_done_callback(_forget)
        if is_over:
            message = f"There was no answer within {seconds:g} seconds; send the same request again."
            raise ApiError(503, "unavailable", message, is_retryable=True, headers={"Retry-After": "1"})
        task.result()

    return handle


def _forget(task: asyncio.Future[None]) -> None:
    """Take note of how a request ended that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
