"""A small world of one agent, its tasks, their approvals and budgets, decided as the service does but without a store.

Every step is checked against what must hold of every history. What is checked is written down here a second time, from
the issue and not from the code.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from command_api.services.aggregates import AGGREGATE_TYPES, Command, Facts, State
from command_api.services.command_request import Assignment, Outcome
from command_api.services.decisions import decide_all
from contracts.a2a import TERMINAL_STATES, TaskState
from contracts.approvals import ApprovalStatus
from contracts.events import (
    Event,
    TaskApprovalResolved,
    TaskAttemptStarted,
    TaskCanceled,
    TaskInputProvided,
    TaskMessageAdded,
    TaskStarted,
    TaskSubmitted,
    TaskUsageReported,
)
from domain.agent import Agent
from domain.approval import Approval
from domain.budget import Budget
from domain.task import Task
from tests.domain.samples import AGENT_ID, NOON

__all__ = ["Token", "World"]

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_TOLD: Final = (TaskSubmitted, TaskMessageAdded, TaskInputProvided, TaskApprovalResolved)


@dataclass(frozen=True, slots=True)
class Token:
    """A worker's lease and the messages that it was handed with it, by their ordinals."""

    task_id: UUID
    number: int
    handed: list[int]


@dataclass(slots=True)
class World:
    """Everything that is, the time, and what was seen on the way."""

    agent: Agent
    now: datetime = NOON
    tasks: dict[UUID, Task] = field(default_factory=dict)
    approvals: dict[UUID, Approval] = field(default_factory=dict)
    budgets: dict[UUID, Budget] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    fenced: dict[UUID, int | None] = field(default_factory=dict)
    """The lease that a cancellation ended, None where there was none, by task."""
    attempts: defaultdict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    reported: set[tuple[UUID, UUID, int]] = field(default_factory=set)
    """(budget, task, lease) of the reports that came after the budget's breach."""

    def facts(self) -> Facts:
        return Facts(
            at=self.now,
            agents={AGENT_ID: self.agent},
            tasks=dict(self.tasks),
            approvals=dict(self.approvals),
            budgets=dict(self.budgets),
        )

    def run(self, *assignments: tuple[str, UUID, Command]) -> list[Outcome]:
        """Carry commands out together, check what became of them, and keep it."""
        facts = self.facts()
        outcomes = decide_all([Assignment(*each) for each in assignments], facts, is_lenient=True)
        for outcome in outcomes:
            before = facts.state_of(outcome.assignment.kind, outcome.assignment.aggregate_id)
            check_outcome(before, outcome)
            number = getattr(outcome.assignment.command, "lease_number", None)
            if outcome.rejection is None and number and outcome.assignment.aggregate_id in self.fenced:
                assert number == self.fenced[outcome.assignment.aggregate_id], "only who was fenced acknowledges"
            if isinstance(outcome.state, Task):
                self._keep_task(before, outcome.state, outcome.events, facts)
            self._keep(outcome.state)
        self._forget_breaches()
        return outcomes

    def seconds_until(self, microseconds: int) -> float:
        return (_EPOCH + timedelta(microseconds=microseconds) - self.now).total_seconds()

    def due(self) -> list[UUID]:
        """Return the tasks that the scheduler would ask now."""
        now = (self.now - _EPOCH) // timedelta(microseconds=1)
        return [task.task_id for task in self.tasks.values() if task.due_at is not None and task.due_at <= now]

    def _keep(self, state: State | None) -> None:
        match state:
            case Task():
                self.tasks[state.task_id] = state
            case Approval():
                self.approvals[state.approval_id] = state
            case Budget():
                self.budgets[state.budget_id] = state
            case _:
                pass

    def _keep_task(self, before: State | None, task: Task, events: Iterable[Event], facts: Facts) -> None:
        old = before if isinstance(before, Task) else None
        ordinal, lease = (old.messages, old.leases) if old else (0, 0)
        for event in events:
            if isinstance(event, _TOLD):
                ordinal += 1
                assert getattr(event, "ordinal", 1) == ordinal, "messages are numbered without gaps"
            if isinstance(event, TaskCanceled):
                self.fenced[task.task_id] = old.lease.number if old and old.lease else None
            if isinstance(event, TaskStarted | TaskAttemptStarted):
                self.attempts[task.task_id] += 1
                assert event.attempt == self.attempts[task.task_id]
            # That of a canceled task is of no live lease: what it cost until it stopped is only recorded.
            if isinstance(event, TaskUsageReported) and task.state is not TaskState.CANCELED:
                self._count_report(task, lease, facts)
        assert task.messages == ordinal
        assert self.attempts[task.task_id] == task.attempt <= task.rules.max_attempts
        if task.leases > lease:
            self._keep_lease(old, task, facts)

    def _keep_lease(self, old: Task | None, task: Task, facts: Facts) -> None:
        assert old is not None
        assert old.lease is None, "two leases live at once"
        assert task.leases > old.leases
        assert not [budget for budget in self.over(task, facts) if budget.is_exhausted(self.now)]
        self.tokens.append(Token(task.task_id, task.leases, list(range(1, task.messages + 1))))

    def _count_report(self, task: Task, lease: int, facts: Facts) -> None:
        for budget in self.over(task, facts):
            if budget.is_exhausted(self.now):
                report = (budget.budget_id, task.task_id, lease)
                assert report not in self.reported, "a second report of a lease after the breach"
                self.reported.add(report)

    def over(self, task: Task, facts: Facts) -> list[Budget]:
        scopes = {"workspace", f"agent:{task.agent_id}", f"context:{task.context_id}", f"task:{task.task_id}"}
        return [budget for budget in facts.budgets.values() if budget.scope in scopes]

    def _forget_breaches(self) -> None:
        spent = {budget_id for budget_id, budget in self.budgets.items() if budget.is_exhausted(self.now)}
        self.reported = {report for report in self.reported if report[0] in spent}


def check_outcome(before: State | None, outcome: Outcome) -> None:
    """Check what holds between an aggregate's states before and after a command."""
    after = outcome.state
    if outcome.rejection is not None or not outcome.has_changed:
        assert after == before
        assert not outcome.events
        return
    assert after is not None
    assert after.generation == (before.generation if before else 0) + len(outcome.events)
    assert after == AGGREGATE_TYPES[outcome.assignment.kind].read_state(after.model_dump_json())
    match before, after:
        case Task(), Task():
            check_task(before, after, outcome)
        case Approval(), Approval():
            check_approval(before, after)
        case _:
            pass


def check_task(before: Task, after: Task, outcome: Outcome) -> None:
    """Check that the end is the end, that tokens fence and that nothing counts backwards."""
    if before.state in TERMINAL_STATES:
        assert before.state is TaskState.CANCELED
        told = {"is_cancel_acknowledged": True, "generation": after.generation, "reports": after.reports}
        assert after == before.model_copy(update=told)
        assert after.generation - before.generation == after.reports - before.reports <= 1
        return
    number = getattr(outcome.assignment.command, "lease_number", None)
    if number is not None:
        assert before.lease is not None
        assert number == before.lease.number == before.leases
    assert after.leases >= before.leases
    assert after.attempt in {before.attempt, before.attempt + 1}
    assert before.messages <= after.messages
    assert after.attempts[: len(before.attempts)] == before.attempts


def check_approval(before: Approval, after: Approval) -> None:
    """Check that a decision stands, and that nobody has two votes."""
    assert before.status is ApprovalStatus.PENDING or after == before.model_copy(
        update={"is_used": True, "generation": before.generation + 1}
    )
    assert not after.is_used or after.status is ApprovalStatus.APPROVED
    assert len({vote.by for vote in after.votes}) == len(after.votes)
    assert after.requested_by not in {vote.by for vote in after.votes}


def check_task_alone(task: Task) -> None:
    """Check what holds of any task at any time."""
    is_over = task.state in TERMINAL_STATES
    is_interrupted = task.state in {TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED}
    assert is_interrupted == (task.waiting is not None)
    assert not (is_over and task.lease)
    assert task.lease is None or task.lease.number == task.leases
    assert (task.claimable_at is None) == (is_over or is_interrupted or task.lease is not None)
    assert not (is_over and task.due_at is not None)
    assert task.lease is None or task.due_at is not None
    assert (task.attempt == 0) == (task.leases == 0)
    assert not (task.is_resuming and task.lease)
    numbers = [record.attempt for record in task.attempts]
    assert numbers == sorted(set(numbers))
    assert not numbers or numbers[-1] <= task.attempt
    assert all(record.started_at <= record.ended_at for record in task.attempts)
