"""Bring a task to its good end."""

from datetime import datetime

from contracts.a2a import Message
from contracts.events import TaskCompleted, TaskUsageReported
from contracts.record import Record
from contracts.usage import Usage
from domain.task.report_progress import usage_events
from domain.task.state import Task, require_working_lease

__all__ = ["CompleteTask", "decide_complete_task"]


class CompleteTask(Record):
    """Complete, with a last message and what was used since the last report."""

    at: datetime
    lease_number: int | None
    message: Message | None
    usage: Usage | None


def decide_complete_task(command: CompleteTask, task: Task | None) -> list[TaskUsageReported | TaskCompleted]:
    """Return the completion; refused without the lease."""
    task = require_working_lease(task, command.lease_number)
    return [*usage_events(command.usage, task), TaskCompleted(attempt=task.attempt, message=command.message)]
