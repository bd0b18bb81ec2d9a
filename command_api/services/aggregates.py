"""The kinds of aggregates: how each is read, decided and evolved. A new kind is one line here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from domain.agent import Agent, AgentCommand, decide_agent, evolve_agent
from domain.approval import Approval, ApprovalCommand, decide_approval, evolve_approval
from domain.budget import Budget, BudgetCommand, decide_budget, evolve_budget
from domain.reactions import Reaction, budgets_over, react_to_approval, react_to_spend, react_to_task
from domain.task import Task, TaskCommand, decide_task, evolve_task
from infrastructure.command_loads import Loaded

__all__ = ["AGGREGATE_TYPES", "AggregateType", "Command", "Facts", "State", "react", "read_facts"]

type Command = AgentCommand | ApprovalCommand | BudgetCommand | TaskCommand
type State = Agent | Approval | Budget | Task


@dataclass(frozen=True, slots=True)
class AggregateType:
    """One kind: the JSON text of its state to the state, its two pure functions, and its root's id."""

    read_state: Callable[[str], Any]
    decide: Callable[[Any, Any], Sequence[Any]]
    evolve: Callable[[Any, Any], Any]
    root_of: Callable[[Any], UUID]


@lru_cache(maxsize=256)
def _read_agent(state: str) -> Agent:
    """Return an agent's state, which comes with each of its tasks and hardly ever changes: 25 µs less a command."""
    return Agent.model_validate_json(state)


AGGREGATE_TYPES: Final[Mapping[str, AggregateType]] = {
    "agent": AggregateType(_read_agent, decide_agent, evolve_agent, lambda agent: agent.agent_id),
    "approval": AggregateType(
        Approval.model_validate_json, decide_approval, evolve_approval, lambda approval: approval.task_id
    ),
    "budget": AggregateType(Budget.model_validate_json, decide_budget, evolve_budget, lambda budget: budget.budget_id),
    "task": AggregateType(Task.model_validate_json, decide_task, evolve_task, lambda task: task.task_id),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision may use: the database's time, and what was loaded."""

    at: datetime
    agents: Mapping[UUID, Agent] = field(default_factory=dict)
    tasks: Mapping[UUID, Task] = field(default_factory=dict)
    approvals: Mapping[UUID, Approval] = field(default_factory=dict)
    budgets: Mapping[UUID, Budget] = field(default_factory=dict)
    revisions: Mapping[UUID, int] = field(default_factory=dict)
    messages: Mapping[UUID, Sequence[bytes]] = field(default_factory=dict)
    """Of small tasks all bodies, where they were asked for."""

    def find_agent(self, agent: UUID | str) -> Agent | None:
        """Return an agent by id or by name, or None."""
        if isinstance(agent, UUID):
            return self.agents.get(agent)
        return next((candidate for candidate in self.agents.values() if candidate.name == agent), None)

    def state_of(self, kind: str, aggregate_id: UUID) -> State | None:
        """Return an aggregate's state, or None where there is none of this kind with this id."""
        states: Mapping[str, Mapping[UUID, State]] = {
            "agent": self.agents,
            "approval": self.approvals,
            "budget": self.budgets,
            "task": self.tasks,
        }
        return states[kind].get(aggregate_id)

    def budgets_over(self, task_id: UUID) -> tuple[Budget, ...]:
        """Return the budgets that bound a task; none for a task that does not exist."""
        task = self.tasks.get(task_id)
        return () if task is None else budgets_over(task, tuple(self.budgets.values()))


def read_facts(loaded: Loaded) -> Facts:
    """Return the loaded aggregates as the domain knows them."""
    states: dict[str, dict[UUID, Any]] = {kind: {} for kind in AGGREGATE_TYPES}
    # One that several others brought along, as the agent of many tasks, is there as often.
    for stored in {stored.aggregate_id: stored for stored in loaded.aggregates}.values():
        states[stored.kind][stored.aggregate_id] = AGGREGATE_TYPES[stored.kind].read_state(stored.state)
    return Facts(
        loaded.at,
        agents=states["agent"],
        tasks=states["task"],
        approvals=states["approval"],
        budgets=states["budget"],
        revisions={stored.aggregate_id: stored.revision for stored in loaded.aggregates},
        messages=loaded.messages,
    )


def react(command: Command, state: State | None, events: Sequence[object], facts: Facts) -> Iterator[Reaction]:
    """Return what follows in other aggregates from a command that was accepted."""
    match state:
        case Task():
            return react_to_task(state, events, tuple(facts.budgets.values()), facts.at)
        case Approval():
            return react_to_approval(state, events, facts.at)
        case Budget():
            return react_to_spend(state, command, facts.at)
        case Agent() | None:
            return iter(())
