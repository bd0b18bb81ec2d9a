"""Say how far the work is and what it used."""

from datetime import datetime

from contracts.a2a import Message
from contracts.events import TaskProgressed, TaskUsageReported
from contracts.record import Record
from contracts.usage import Usage
from domain.rejection import Invalid
from domain.task.sizes import message_size, require_worker_room
from domain.task.state import Task, require_working_lease

__all__ = ["ReportProgress", "decide_report_progress", "usage_events"]


class ReportProgress(Record):
    """At least one of fraction (0 to 1), message and usage."""

    at: datetime
    lease_number: int | None
    fraction: float | None
    message: Message | None
    usage: Usage | None


def decide_report_progress(command: ReportProgress, task: Task | None) -> list[TaskUsageReported | TaskProgressed]:
    """Return the usage and the progress, each where it was said; refused without the lease or room."""
    task = require_working_lease(task, command.lease_number)
    if command.fraction is None and command.message is None and command.usage is None:
        raise Invalid("empty_progress", "Say at least one of fraction, message and usage.")
    require_worker_room(task, message_size(command.message))
    usage = usage_events(command.usage, task)
    if command.fraction is None and command.message is None:
        return [*usage]
    return [*usage, TaskProgressed(attempt=task.attempt, fraction=command.fraction, message=command.message)]


def usage_events(usage: Usage | None, task: Task) -> list[TaskUsageReported]:
    """Return the report of what a worker used, if it used anything."""
    if usage is None:
        return []
    return [
        TaskUsageReported(
            attempt=task.attempt,
            usage=usage,
            agent_id=task.agent_id,
            context_id=task.context_id,
            report=task.reports + 1,
        )
    ]
