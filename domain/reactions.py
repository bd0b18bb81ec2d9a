"""What follows in one aggregate from what happened in another, in the same transaction: pure, and in one place.

approval granted or refused        -> its task goes on or ends
task's wait for an approval over   -> the approval is closed
task used money                    -> the budgets over it count that
a budget over it is spent          -> the task stops
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from contracts.approvals import ApprovalStatus
from contracts.budgets import BudgetStatus
from contracts.events import ApprovalGranted, ApprovalRefused, TaskApprovalResolved, TaskUsageReported
from domain.approval import Approval, CloseApproval
from domain.budget import Budget, RecordSpend
from domain.task import ResolveApproval, StopForBudget, Task

__all__ = ["Reaction", "budgets_over", "react_to_approval", "react_to_spend", "react_to_task", "scopes_over"]


class Reaction(NamedTuple):
    """A command for another aggregate."""

    kind: str
    aggregate_id: UUID
    command: CloseApproval | RecordSpend | ResolveApproval | StopForBudget


def scopes_over(task: Task) -> frozenset[str]:
    """Return the scopes that a task lies in, each of which may have a budget."""
    return frozenset({"workspace", f"agent:{task.agent_id}", f"context:{task.context_id}", f"task:{task.task_id}"})


def budgets_over(task: Task, budgets: Sequence[Budget]) -> tuple[Budget, ...]:
    """Return those of the budgets that bound a task, those that fail it before those that let it wait."""
    scopes = scopes_over(task)
    over = (budget for budget in budgets if budget.scope in scopes and budget.status is not BudgetStatus.REMOVED)
    return tuple(sorted(over, key=lambda budget: (budget.on_breach, budget.scope)))


def react_to_approval(approval: Approval, events: Sequence[object], at: datetime) -> Iterator[Reaction]:
    """Return what a decision does to the task that waits for it."""
    if any(isinstance(event, ApprovalGranted | ApprovalRefused) for event in events):
        resolve = ResolveApproval(at=at, approval_id=approval.approval_id, status=approval.status)
        yield Reaction("task", approval.task_id, resolve)


def react_to_task(task: Task, events: Sequence[object], budgets: Sequence[Budget], at: datetime) -> Iterator[Reaction]:
    """Return what a task's events do to its approval and to the budgets over it."""
    for event in events:
        match event:
            case TaskApprovalResolved(status=ApprovalStatus.EXPIRED):
                yield Reaction("approval", event.approval_id, CloseApproval(at=at, why="expired"))
            case TaskApprovalResolved(status=ApprovalStatus.WITHDRAWN):
                yield Reaction("approval", event.approval_id, CloseApproval(at=at, why="withdrawn"))
            case TaskUsageReported():
                cost, currency = event.usage.cost, event.usage.currency
                spend = RecordSpend(at=at, task_id=task.task_id, cost=cost, currency=currency)
                for budget in budgets_over(task, budgets):
                    yield Reaction("budget", budget.budget_id, spend)
            case _:
                pass


def react_to_spend(budget: Budget, command: object, at: datetime) -> Iterator[Reaction]:
    """Return what a spent budget does to the task whose report was counted."""
    if isinstance(command, RecordSpend) and budget.is_exhausted(at):
        stop = StopForBudget(at=at, budget_id=budget.budget_id, scope=budget.scope, on_breach=budget.on_breach)
        yield Reaction("task", command.task_id, stop)
