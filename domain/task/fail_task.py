"""Give a task up."""

from datetime import datetime

from contracts.a2a import Message
from contracts.events import TaskFailed, TaskUsageReported
from contracts.record import Record
from contracts.usage import Usage
from domain.task.report_progress import usage_events
from domain.task.state import Task, require_lease

__all__ = ["FailTask", "decide_fail_task"]


class FailTask(Record):
    """Fail, with the worker's code, a reason for people and what was used since the last report."""

    at: datetime
    lease_number: int | None
    code: str
    reason: str
    message: Message | None
    usage: Usage | None


def decide_fail_task(command: FailTask, task: Task | None) -> list[TaskUsageReported | TaskFailed]:
    """Return the failure; refused without the lease."""
    task, _ = require_lease(task, command.lease_number)
    failed = TaskFailed(attempt=task.attempt, code=command.code, reason=command.reason, message=command.message)
    return [*usage_events(command.usage, task), failed]
