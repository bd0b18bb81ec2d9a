"""Decline a task: the agent will not do it, and no attempt of another worker would."""

from datetime import datetime

from contracts.a2a import Message
from contracts.events import TaskRejected, TaskUsageReported
from contracts.record import Record
from contracts.usage import Usage
from domain.task.report_progress import usage_events
from domain.task.state import Task, require_working_lease

__all__ = ["RejectTask", "decide_reject_task"]


class RejectTask(Record):
    """Reject, with a reason for people and what was used since the last report."""

    at: datetime
    lease_number: int | None
    reason: str
    message: Message | None
    usage: Usage | None = None


def decide_reject_task(command: RejectTask, task: Task | None) -> list[TaskUsageReported | TaskRejected]:
    """Return the rejection; refused without the lease."""
    task = require_working_lease(task, command.lease_number)
    rejected = TaskRejected(attempt=task.attempt, reason=command.reason, message=command.message)
    return [*usage_events(command.usage, task), rejected]
