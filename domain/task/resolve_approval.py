"""Go on, or end, once an approval is decided."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from contracts.a2a import Message, Part, Role
from contracts.approvals import ApprovalStatus
from contracts.events import TaskApprovalResolved, TaskRejected
from contracts.record import Record
from domain.task.answers import go_on
from domain.task.facts import TaskQueued, WorkContinued
from domain.task.state import Task, Waiting, require_task

__all__ = ["ResolveApproval", "decide_resolve_approval", "resolve_approval", "withdraw_approval"]

type Resolution = Sequence[TaskApprovalResolved | TaskRejected | TaskQueued | WorkContinued]


class ResolveApproval(Record):
    """Tell the task how its approval was decided."""

    at: datetime
    approval_id: UUID
    status: ApprovalStatus


def decide_resolve_approval(command: ResolveApproval, task: Task | None) -> Resolution:
    """Return what follows; nothing where the task does not wait for this approval any more."""
    task = require_task(task)
    if task.waiting is None or (task.waiting.kind, task.waiting.request_id) != ("approval", command.approval_id):
        return []
    return resolve_approval(task, task.waiting, command.status, command.at)


def resolve_approval(task: Task, waiting: Waiting, status: ApprovalStatus, at: datetime) -> Resolution:
    """Return the way on where it was approved, or where the rule lets the task go on without; else the rejection."""
    resolved = _resolved(task, waiting, status)
    if status is ApprovalStatus.APPROVED or not waiting.ends_task:
        return [resolved, go_on(task, at)]
    reason = f"The approval that the task waited for was {status}."
    return [resolved, TaskRejected(attempt=task.attempt, reason=reason, message=None)]


def withdraw_approval(task: Task) -> list[TaskApprovalResolved]:
    """Return the end of the wait for an approval, for a task that ends while it waits; nothing where it does not."""
    if task.waiting is None or task.waiting.kind != "approval":
        return []
    return [_resolved(task, task.waiting, ApprovalStatus.WITHDRAWN)]


def _resolved(task: Task, waiting: Waiting, status: ApprovalStatus) -> TaskApprovalResolved:
    """Return the event, with what the worker is told."""
    content = Part(data={"approval_id": str(waiting.request_id), "status": status})
    message = Message(message_id=f"approval-{waiting.request_id}", role=Role.USER, parts=(content,))
    return TaskApprovalResolved(
        approval_id=waiting.request_id, ordinal=task.messages + 1, status=status, message=message
    )
