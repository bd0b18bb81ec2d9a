"""Decline a task: the agent will not do it, and no attempt of another worker would."""

from datetime import datetime

from contracts.a2a import Message
from contracts.events import TaskRejected
from contracts.record import Record
from domain.task.state import Task, require_working_lease

__all__ = ["RejectTask", "decide_reject_task"]


class RejectTask(Record):
    """Reject, with a reason for people."""

    at: datetime
    lease_number: int | None
    reason: str
    message: Message | None


def decide_reject_task(command: RejectTask, task: Task | None) -> list[TaskRejected]:
    """Return the rejection; refused without the lease."""
    task = require_working_lease(task, command.lease_number)
    return [TaskRejected(attempt=task.attempt, reason=command.reason, message=command.message)]
