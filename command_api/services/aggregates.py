"""The kinds of aggregates: how each is read, decided and evolved. A new kind is one line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.agent import Agent, AgentCommand, decide_agent, evolve_agent
from domain.task import Task, TaskCommand, decide_task, evolve_task
from infrastructure.write_store import StoredAggregate

__all__ = ["AGGREGATE_TYPES", "AggregateType", "Command", "Facts", "State", "read_facts"]

type Command = AgentCommand | TaskCommand
type State = Agent | Task


@dataclass(frozen=True, slots=True)
class AggregateType:
    """One kind: the JSON text of its state to the state, and its two pure functions."""

    read_state: Callable[[str], Any]
    decide: Callable[[Any, Any], Sequence[Any]]
    evolve: Callable[[Any, Any], Any]


AGGREGATE_TYPES: Final[Mapping[str, AggregateType]] = {
    "agent": AggregateType(Agent.model_validate_json, decide_agent, evolve_agent),
    "task": AggregateType(Task.model_validate_json, decide_task, evolve_task),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision may use: the database's time, and the aggregates that were loaded."""

    at: datetime
    agents: Mapping[UUID, Agent] = field(default_factory=dict)
    tasks: Mapping[UUID, Task] = field(default_factory=dict)
    revisions: Mapping[UUID, int] = field(default_factory=dict)

    def find_agent(self, agent: UUID | str) -> Agent | None:
        """Return an agent by id or by name, or None."""
        if isinstance(agent, UUID):
            return self.agents.get(agent)
        return next((candidate for candidate in self.agents.values() if candidate.name == agent), None)

    def state_of(self, kind: str, aggregate_id: UUID) -> State | None:
        """Return an aggregate's state, or None where there is none of this kind with this id."""
        return self.tasks.get(aggregate_id) if kind == "task" else self.agents.get(aggregate_id)


def read_facts(at: datetime, aggregates: Sequence[StoredAggregate]) -> Facts:
    """Return the loaded aggregates as the domain knows them."""
    states: dict[str, dict[UUID, Any]] = {kind: {} for kind in AGGREGATE_TYPES}
    for stored in aggregates:
        states[stored.kind][stored.aggregate_id] = AGGREGATE_TYPES[stored.kind].read_state(stored.state)
    revisions = {stored.aggregate_id: stored.revision for stored in aggregates}
    return Facts(at, agents=states["agent"], tasks=states["task"], revisions=revisions)
