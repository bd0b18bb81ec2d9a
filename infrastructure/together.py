"""Calls that come while others are under way are carried out together by the next: the first never waits for more.

Idle, each call goes out alone and at once; under load the number of round trips follows the time that one takes.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

__all__ = ["together"]


type CarryOut[Argument, Answer] = Callable[[Sequence[Argument]], Awaitable[Sequence[Answer | Exception]]]


def together[Argument, Answer](
    carry_out: CarryOut[Argument, Answer], *, most: int, lanes: int
) -> Callable[[Argument], Coroutine[Any, Any, Answer]]:
    """Return the call for one of what `carry_out` does for many: at most `most` at once, on so many lanes.

    `carry_out` returns an answer or an error for each, in their order; what it raises, all of them get. Who is
    cancelled before the call went out is left out; afterwards the call goes on without him.
    """
    waiting: deque[tuple[Argument, asyncio.Future[Answer]]] = deque()
    running: set[asyncio.Task[None] | None] = set()

    async def run() -> None:
        try:
            while waiting:
                taken = [waiting.popleft() for _ in range(min(most, len(waiting)))]
                await _settle(carry_out, [entry for entry in taken if not entry[1].done()])
        finally:
            # In the same step as the last look at who waits: whoever comes after it finds the lane free.
            running.discard(asyncio.current_task())

    async def one(argument: Argument) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiting.append((argument, answer))
        if len(running) < lanes:
            running.add(asyncio.create_task(run()))
        return await answer

    return one


async def _settle[Argument, Answer](
    carry_out: CarryOut[Argument, Answer],
    entries: Sequence[tuple[Argument, asyncio.Future[Answer]]],
) -> None:
    """Carry some calls out and tell each what came of it."""
    if not entries:
        return
    try:
        answers = await carry_out([argument for argument, _ in entries])
    except Exception as error:  # noqa: BLE001 - every caller is told
        answers = [error] * len(entries)
    for (_, future), answer in zip(entries, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
