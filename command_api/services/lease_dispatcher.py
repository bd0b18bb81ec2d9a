"""One look for work for all workers of a process that wait, however many there are.

A worker's call registers what it would take, and keeps its place until it is answered; a notice, a new call or a
quarter of a second brings on one look at the database for all of them, and `assign_work` deals out what it found. What
is dealt out is a candidate only: the call leases it by the line's own way, and says when it is done; what it does not
lease after all is dealt to the next at once. Without anybody who waits there is no look.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from uuid import UUID

import structlog

from command_api.services.assign_work import Candidate, Demand, assign_work, remember_turn
from domain.rejection import Conflict
from infrastructure.work_store import AgentWork

__all__ = ["AgentRenamedError", "LeaseDispatcher", "open_lease_dispatcher"]

type FindWork = Callable[[Mapping[UUID, int], Sequence[UUID]], Awaitable[list[AgentWork]]]
type Over = Callable[[], Coroutine[Any, Any, None]]
"""Returns when nobody wants the answer any more; cancelled where the answer comes first."""

_LOOK_AGAIN_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 0.1  # so long a call waits without a look at its client: most have their answer by then
_NEVER_AGAIN: Final = "The agents are retired: no work of theirs will come any more."
_LOG = structlog.get_logger(__name__)


class AgentRenamedError(Exception):
    """A demand's agent has another name than the one by which it was asked for: find out anew whose that is."""


@dataclass(frozen=True, slots=True)
class LeaseDispatcher:
    """The dispatcher of a process, as its callers see it."""

    request: Callable[[Demand, float, Over], Coroutine[Any, Any, list[Candidate]]]
    """Returns candidates for a demand, none where nothing came within so many seconds (and a quarter of one), or where
    it was over before. Raises Conflict `agent_retired` once all its agents are retired, and AgentRenamedError.
    """

    done: Callable[[Sequence[Candidate]], None]
    """Says that candidates were leased: from now on the database alone tells."""

    give_back: Callable[[Sequence[Candidate]], None]
    """Says that candidates were not leased, and may be somebody else's."""

    wake: Callable[[], None]
    """Says that a task may be ready."""


@dataclass(eq=False, slots=True)
class _Waiter:
    """One call that waits, until a time on the loop's clock."""

    demand: Demand
    until: float
    answer: asyncio.Future[list[Candidate]]


@dataclass(slots=True)
class _Desk:
    """What a dispatcher keeps in mind: who waits, what was dealt out and is not done yet, and whose turn it is.

    `turns` says with which number of all candidates an agent was served last, in that order; who never
    was, or so long ago that it is forgotten, is served first.
    """

    waiters: dict[_Waiter, None] = field(default_factory=dict)
    dealt: dict[UUID, Candidate] = field(default_factory=dict)
    turns: dict[UUID, int] = field(default_factory=dict)
    served: Iterator[int] = field(default_factory=lambda: count(1))
    news: asyncio.Event = field(default_factory=asyncio.Event)


def _reserved(dealt: Mapping[UUID, Candidate]) -> dict[UUID, frozenset[int]]:
    """Return the places of agents that are about to be taken."""
    places: dict[UUID, frozenset[int]] = {}
    for candidate in dealt.values():
        if candidate.slot is not None:
            places[candidate.agent_id] = places.get(candidate.agent_id, frozenset()) | {candidate.slot}
    return places


def _without_renamed(waiters: Sequence[_Waiter], work: Sequence[AgentWork]) -> list[_Waiter]:
    """Return the waiters whose agents still have the names that were asked for; the others are told."""
    names = {found.agent_id: found.name for found in work}
    remaining = []
    for waiter in waiters:
        if all(names.get(agent_id, name) == name for agent_id, name in waiter.demand.names.items()):
            remaining.append(waiter)
        elif not waiter.answer.done():
            waiter.answer.set_exception(AgentRenamedError())
    return remaining


async def _look(desk: _Desk, find: FindWork) -> None:
    """Look once for everybody who waits now, and answer those for whom there is something."""
    waiters = [waiter for waiter in desk.waiters if not waiter.answer.done()]
    if not waiters:
        return
    wanted: Counter[UUID] = Counter()
    for waiter in waiters:
        wanted.update(dict.fromkeys(waiter.demand.agent_ids, waiter.demand.max_tasks))
    before = dict(desk.dealt)
    work = await find(wanted, list(before))
    waiting = _without_renamed([waiter for waiter in waiters if waiter in desk.waiters], work)
    # A place that was taken while the database looked may look free in what it says, so it counts as reserved still.
    reserved = _reserved({**before, **desk.dealt})
    turns = {agent_id: desk.turns[agent_id] for agent_id in wanted if agent_id in desk.turns}
    shares = assign_work([waiter.demand for waiter in waiting], work, reserved, turns)
    retired = {found.agent_id for found in work if found.is_retired}
    now = asyncio.get_running_loop().time()
    for waiter, share in zip(waiting, shares, strict=True):
        for candidate in share:
            desk.dealt[candidate.task_id] = candidate
            remember_turn(desk.turns, candidate.agent_id, next(desk.served))
        if retired.issuperset(waiter.demand.agent_ids):
            waiter.answer.set_exception(Conflict("agent_retired", _NEVER_AGAIN))
        elif share or now >= waiter.until:
            waiter.answer.set_result(share)


async def _run(desk: _Desk, find: FindWork) -> None:
    """Look whenever there is reason to, until cancelled; a database out of reach is for the callers to notice."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS if desk.waiters else None):
                await desk.news.wait()
        desk.news.clear()
        try:
            await _look(desk, find)
        except Exception as error:  # noqa: BLE001 - every caller of this look is told, and the next look goes on
            _LOG.warning("looking for work failed", error=type(error).__name__)
            for waiter in desk.waiters:
                if not waiter.answer.done():
                    waiter.answer.set_exception(error)


async def _answered(waiter: _Waiter, over: Over) -> None:
    """Wait for the answer, or until it is over."""
    await asyncio.wait({waiter.answer}, timeout=_PATIENCE_SECONDS)
    if waiter.answer.done():
        return
    ending = asyncio.create_task(over())
    first: tuple[asyncio.Future[Any], ...] = (waiter.answer, ending)
    try:
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ending.cancel()


def _untaken(waiter: _Waiter) -> list[Candidate]:
    """Return what was dealt to a call that was cancelled, or over, in the same moment."""
    if not waiter.answer.done() or waiter.answer.exception() is not None:
        return []
    return waiter.answer.result()


@asynccontextmanager
async def open_lease_dispatcher(find: FindWork) -> AsyncIterator[LeaseDispatcher]:
    """Yield a process's dispatcher; it runs until the context ends."""
    desk = _Desk()

    async def request(demand: Demand, seconds: float, over: Over) -> list[Candidate]:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(demand, loop.time() + seconds, loop.create_future())
        desk.waiters[waiter] = None
        desk.news.set()
        taken: list[Candidate] = []
        try:
            await _answered(waiter, over)
            taken = waiter.answer.result() if waiter.answer.done() else []
            return taken
        finally:
            del desk.waiters[waiter]
            if not taken:
                give_back(_untaken(waiter))

    def done(candidates: Sequence[Candidate]) -> None:
        for candidate in candidates:
            desk.dealt.pop(candidate.task_id, None)

    def give_back(candidates: Sequence[Candidate]) -> None:
        done(candidates)
        if candidates:
            desk.news.set()

    runner = asyncio.create_task(_run(desk, find))
    try:
        yield LeaseDispatcher(request, done, give_back, desk.news.set)
    finally:
        runner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await runner
