"""Who gets which task, among the workers of one process that wait: pure, so that fairness can be read and tested.

First come, first served between workers; between the agents of a worker the one that was served longest ago; within
an agent the most urgent.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import count, islice
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import UUID

from infrastructure.work_store import AgentWork

__all__ = ["Candidate", "Demand", "assign_work", "remember_turn"]

_REMEMBERED_TURNS: Final = 10_000


class Demand(NamedTuple):
    """What one waiting worker would take: tasks of these agents, at most so many.

    `names` are those by which agents were asked for: of one that is called otherwise meanwhile, nothing is wanted.
    """

    agent_ids: tuple[UUID, ...]
    max_tasks: int
    names: Mapping[UUID, str] = MappingProxyType({})


class Candidate(NamedTuple):
    """A task that a worker may try to lease, in a free place of its agent where that has a limit."""

    task_id: UUID
    agent_id: UUID
    slot: int | None


def assign_work(
    demands: Sequence[Demand],
    work: Sequence[AgentWork],
    reserved: Mapping[UUID, frozenset[int]],
    turns: Mapping[UUID, int],
) -> list[list[Candidate]]:
    """Return for each demand, in their order, what it gets; no task and no place is given twice.

    `reserved` are places of agents that others in this process are about to take; `turns` says when each agent was last
    served, the higher the later.
    """
    queues = {found.agent_id: _candidates(found, reserved.get(found.agent_id, frozenset())) for found in work}
    order, numbers = dict(turns), count(max(turns.values(), default=0) + 1)
    shares: list[list[Candidate]] = []
    for demand in demands:
        if not any(queues.values()):
            break
        shares.append(_take(demand, queues, order))
        order.update((candidate.agent_id, next(numbers)) for candidate in shares[-1])
    return [*shares, *([] for _ in range(len(demands) - len(shares)))]


def remember_turn(turns: dict[UUID, int], agent_id: UUID, number: int, *, most: int = _REMEMBERED_TURNS) -> None:
    """Note that an agent was served just now; where they are many, forget the one that was served longest ago."""
    turns.pop(agent_id, None)
    turns[agent_id] = number
    if len(turns) > most:
        del turns[next(iter(turns))]


def _candidates(found: AgentWork, reserved: frozenset[int]) -> deque[Candidate]:
    """Return an agent's tasks, each with a free place; no more than bring its leases to its limit.

    Leases of before the limit was lowered, or set, stand in places above it, or in none: they count as well.
    """
    if found.limit is None:
        return deque(Candidate(task_id, found.agent_id, None) for task_id in found.task_ids)
    taken = reserved.union(slot for slot in found.used_slots if slot is not None)
    room = found.limit - len(taken) - found.used_slots.count(None)
    free = islice((slot for slot in range(found.limit) if slot not in taken), max(0, room))
    return deque(Candidate(task, found.agent_id, slot) for task, slot in zip(found.task_ids, free, strict=False))


def _take(demand: Demand, queues: Mapping[UUID, deque[Candidate]], order: Mapping[UUID, int]) -> list[Candidate]:
    """Take turns between the agents until the demand is met or nothing is left."""
    agent_ids = sorted(demand.agent_ids, key=lambda agent_id: order.get(agent_id, 0))
    turns = deque(queues[agent_id] for agent_id in agent_ids if agent_id in queues)
    taken: list[Candidate] = []
    while turns and len(taken) < demand.max_tasks:
        queue = turns.popleft()
        if queue:
            taken.append(queue.popleft())
            turns.append(queue)
    return taken
