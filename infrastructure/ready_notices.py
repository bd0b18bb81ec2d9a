"""Waking workers that wait for work: at once for tasks submitted here, within a bound for those of other processes.

A notice is a hint. Whoever waits looks again when it comes, and also when none has come for a while.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

__all__ = ["ReadyNotices", "open_ready_notices"]

_LOOK_AGAIN_SECONDS: Final = 0.25


class ReadyNotices(NamedTuple):
    """Both ends of the notice."""

    announce: Callable[[], None]
    """Wakes everybody who waits."""

    wait: Callable[[float], Awaitable[None]]
    """Returns at the next notice, or after some seconds: those given, or a quarter of one where that is less."""


def open_ready_notices() -> ReadyNotices:
    """Return the notices of one process."""
    waiting: set[asyncio.Future[None]] = set()

    def announce() -> None:
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        waiting.add(future)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, _LOOK_AGAIN_SECONDS)):
                    await future
        finally:
            waiting.discard(future)

    return ReadyNotices(announce, wait)
