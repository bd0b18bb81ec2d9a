"""Stop the work of a task whose report found a budget spent."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from contracts.a2a import TERMINAL_STATES, Message, Part, Role
from contracts.budgets import BudgetBreach
from contracts.events import TaskFailed, TaskInputRequested
from contracts.record import Record
from domain.task.attempts import AttemptEnd, fail_task
from domain.task.facts import LeaseReleased, WaitBegun
from domain.task.state import Task, Waiting, require_task

__all__ = ["StopForBudget", "decide_stop_for_budget"]


class StopForBudget(Record):
    """Stop, as the budget says; the answer that lets the task go on is refused until the budget is raised."""

    at: datetime
    budget_id: UUID
    scope: str
    on_breach: BudgetBreach


def decide_stop_for_budget(
    command: StopForBudget, task: Task | None
) -> Sequence[TaskFailed | TaskInputRequested | WaitBegun | LeaseReleased]:
    """Return the failure or the question; nothing where the task is over or waits already."""
    task = require_task(task)
    if task.state in TERMINAL_STATES or task.waiting is not None:
        return []
    reason = f"The budget of {command.scope} is spent."
    if command.on_breach == "fail":
        end = AttemptEnd(command.at, "budget_exhausted", reason, message=None, is_retryable=False, share=0)
        return [fail_task(task, end)]
    question = Message(
        message_id=f"budget-{command.budget_id}-{task.generation}",
        role=Role.AGENT,
        parts=(Part(text=f"{reason} Raise it, then answer, or resume all tasks that it stopped."),),
    )
    waiting = Waiting(kind="input", request_id=command.budget_id, expires_at=None, keeps_lease=False)
    requested = TaskInputRequested(
        attempt=task.attempt,
        request_id=command.budget_id,
        message=question,
        answer_schema=None,
        expires_at=None,
        keeps_lease=False,
    )
    return [requested, WaitBegun(waiting=waiting, at=command.at), LeaseReleased()]
