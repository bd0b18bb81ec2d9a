"""Given events and facts, when a command comes, then events and facts, or a refusal that changes nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from contracts.events import Event
from domain.agent import Agent, AgentCommand, decide_agent, evolve_agent
from domain.approval import Approval, ApprovalCommand, decide_approval, evolve_approval
from domain.budget import Budget, BudgetCommand, SpendRecorded, decide_budget, evolve_budget
from domain.rejection import Rejection
from domain.task import Task, TaskCommand, TaskFact, decide_task, evolve_task

__all__ = [
    "Given",
    "When",
    "given_agent",
    "given_approval",
    "given_budget",
    "given_task",
    "given_this_approval",
    "given_this_budget",
    "given_this_task",
]

type Change = Event | TaskFact | SpendRecorded


@dataclass(frozen=True, slots=True)
class When[State: Agent | Approval | Budget | Task]:
    """What a command came to; `changes` is None where it was refused."""

    before: State | None
    changes: Sequence[Change] | None
    rejection: Rejection | None
    after: State | None

    def then(self, *expected: Change) -> State | None:
        """Check the changes, all of them and in order, and return the state after them."""
        assert self.rejection is None, f"refused: {self.rejection!r}"
        assert list(self.changes or ()) == list(expected)
        return self.after

    def then_rejected(self, code: str, kind: type[Rejection] = Rejection) -> None:
        """Check the refusal's code and kind, that it has words for people and that nothing changed."""
        assert self.rejection is not None, f"accepted with {self.changes}"
        assert self.after == self.before
        assert self.rejection.code == code
        assert isinstance(self.rejection, kind)
        assert str(self.rejection) == self.rejection.message != ""


@dataclass(frozen=True, slots=True)
class Given[State: Agent | Approval | Budget | Task, Command]:
    """A state, and the two pure functions of its aggregate."""

    state: State | None
    decide: Callable[[Command, State | None], Sequence[Any]]
    evolve: Callable[[State | None, Any], State]

    def when(self, command: Command) -> When[State]:
        """Decide, twice, as a decision depends on nothing but its arguments; then evolve."""
        before = self.state and self.state.model_dump_json()
        outcomes = [self._decide(command) for _ in range(2)]
        assert repr(outcomes[0]) == repr(outcomes[1])
        assert (self.state and self.state.model_dump_json()) == before
        changes, rejection = outcomes[0]
        return When(self.state, changes, rejection, reduce(self.evolve, changes or (), self.state))

    def _decide(self, command: Command) -> tuple[Sequence[Any] | None, Rejection | None]:
        try:
            return self.decide(command, self.state), None
        except Rejection as rejection:
            return None, rejection


def given_agent(*events: Event) -> Given[Agent, AgentCommand]:
    state: Agent | None = reduce(evolve_agent, events, None)  # type: ignore[arg-type] # any event; evolve tells
    return Given(state, decide_agent, evolve_agent)


def given_task(*changes: Event | TaskFact) -> Given[Task, TaskCommand]:
    return given_this_task(reduce(evolve_task, changes, None))  # type: ignore[arg-type] # any event; evolve tells


def given_this_task(task: Task | None) -> Given[Task, TaskCommand]:
    return Given(task, decide_task, evolve_task)


def given_approval(*events: Event) -> Given[Approval, ApprovalCommand]:
    return given_this_approval(reduce(evolve_approval, events, None))  # type: ignore[arg-type] # any event; evolve tells


def given_this_approval(approval: Approval | None) -> Given[Approval, ApprovalCommand]:
    return Given(approval, decide_approval, evolve_approval)


def given_budget(*changes: Event | SpendRecorded) -> Given[Budget, BudgetCommand]:
    return given_this_budget(reduce(evolve_budget, changes, None))  # type: ignore[arg-type] # any event; evolve tells


def given_this_budget(budget: Budget | None) -> Given[Budget, BudgetCommand]:
    return Given(budget, decide_budget, evolve_budget)
