"""A database for the dispatcher that is a function, and calls that wait for what it says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from command_api.services.assign_work import Candidate, Demand
from command_api.services.lease_dispatcher import LeaseDispatcher
from infrastructure.clock import monotonic_seconds
from infrastructure.work_store import AgentWork

__all__ = ["AGENT", "OTHER", "TASKS", "Board", "ask", "never"]

AGENT, OTHER = UUID(int=1), UUID(int=2)
TASKS = tuple(UUID(int=100 + number) for number in range(400))


@dataclass(slots=True)
class Board:
    """What the database would say: tasks by agent, and when it was asked."""

    tasks: dict[UUID, list[UUID]] = field(default_factory=lambda: {AGENT: [], OTHER: []})
    limits: dict[UUID, int] = field(default_factory=dict)
    used: tuple[int, ...] = ()
    retired: set[UUID] = field(default_factory=set)
    looked_at: list[float] = field(default_factory=list)
    before_answer: Callable[[], Awaitable[None]] | None = None

    @property
    def looks(self) -> int:
        return len(self.looked_at)

    async def find(self, wanted: Mapping[UUID, int], excluded: Sequence[UUID]) -> list[AgentWork]:
        self.looked_at.append(monotonic_seconds())
        left = {agent: [task for task in self.tasks[agent] if task not in excluded] for agent in wanted}
        used = self.used
        if self.before_answer is not None:
            await self.before_answer()
        return [
            AgentWork(agent, self.limits.get(agent), used, tuple(left[agent][:count]), agent in self.retired)
            for agent, count in wanted.items()
        ]


async def never() -> None:
    await asyncio.Event().wait()


async def ask(dispatcher: LeaseDispatcher, seconds: float = 10, tasks: int = 1, *agents: UUID) -> list[Candidate]:
    return await dispatcher.request(Demand(agents or (AGENT,), tasks), seconds, never)
