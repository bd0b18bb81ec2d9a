"""Calls that come while others are under way are carried out together by the next: the first never waits for more.

Idle, each call goes out alone and at once; under load the number of round trips follows the time that one takes. One
that takes unusually long is not waited for: after some patience those that wait go another way.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["together"]


type CarryOut[Argument, Answer] = Callable[[Sequence[Argument]], Awaitable[Sequence[Answer | Exception]]]


def together[Argument, Answer](
    carry_out: CarryOut[Argument, Answer], *, most: int, lanes: int, patience_seconds: float = 0.05
) -> Callable[[Argument], Coroutine[Any, Any, Answer]]:
    """Return the call for one of what `carry_out` does for many: at most `most` at once, on so many lanes.

    One lane is enough while calls end in time: two would share what comes, and meet at the same locks. Where somebody
    waits, another is opened after each `patience_seconds`, and closed again when one of the others goes on.
    `carry_out` returns an answer or an error for each, in their order; what it raises, all of them get. Who is
    cancelled before the call went out is left out; afterwards the call goes on without him.
    """
    desk = _Desk(carry_out, most, lanes, patience_seconds)

    async def one(argument: Argument) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        desk.waiting.append((argument, answer))
        if desk.lanes:
            _be_patient(desk)
        else:
            _open_lane(desk)
        return await answer

    return one


@dataclass(frozen=True, slots=True)
class _Desk[Argument, Answer]:
    """Who waits, and the lanes that are open, by number: the task, and when the call that is under way there began.

    `timers` has one where patience runs out.
    """

    carry_out: CarryOut[Argument, Answer]
    most: int
    most_lanes: int
    patience_seconds: float
    waiting: deque[tuple[Argument, asyncio.Future[Answer]]] = field(default_factory=deque)
    lanes: dict[int, float] = field(default_factory=dict)
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


async def _run[Argument, Answer](desk: _Desk[Argument, Answer], lane: int) -> None:
    """Carry out what waits until nothing does, or another lane sees to it."""
    try:
        while desk.waiting and not _does_another_go_on(desk, lane):
            desk.lanes[lane] = asyncio.get_running_loop().time()
            taken = [desk.waiting.popleft() for _ in range(min(desk.most, len(desk.waiting)))]
            await _settle(desk.carry_out, [entry for entry in taken if not entry[1].done()])
    finally:
        # In the same step as the last look at who waits: whoever comes after it finds the lane free.
        del desk.lanes[lane], desk.tasks[lane]
        if desk.waiting:
            _be_patient(desk)


def _does_another_go_on[Argument, Answer](desk: _Desk[Argument, Answer], lane: int) -> bool:
    """Tell whether another lane began its call so lately that it will soon come back for more."""
    since = asyncio.get_running_loop().time() - desk.patience_seconds
    return any(began > since for other, began in desk.lanes.items() if other != lane)


def _open_lane[Argument, Answer](desk: _Desk[Argument, Answer]) -> None:
    lane = next(number for number in range(desk.most_lanes) if number not in desk.lanes)
    desk.lanes[lane] = asyncio.get_running_loop().time()
    desk.tasks[lane] = asyncio.create_task(_run(desk, lane))


def _be_patient[Argument, Answer](desk: _Desk[Argument, Answer]) -> None:
    """See to it that somebody waits no longer than patience lasts, where another lane may be opened."""
    if not desk.timers and len(desk.lanes) < desk.most_lanes:
        desk.timers.append(asyncio.get_running_loop().call_later(desk.patience_seconds, _lose_patience, desk))


def _lose_patience[Argument, Answer](desk: _Desk[Argument, Answer]) -> None:
    desk.timers.clear()
    if desk.waiting and len(desk.lanes) < desk.most_lanes:
        _open_lane(desk)
        _be_patient(desk)


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
