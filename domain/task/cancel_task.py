"""Stop a task, at once."""

from datetime import datetime

from contracts.a2a import TaskState
from contracts.events import TaskCanceled
from contracts.record import Record
from domain.task.state import Task, require_open_task, require_task

__all__ = ["CancelTask", "decide_cancel_task"]


class CancelTask(Record):
    """Cancel, for a reason or none."""

    at: datetime
    reason: str | None


def decide_cancel_task(command: CancelTask, task: Task | None) -> list[TaskCanceled]:
    """Return the cancellation, nothing where it is canceled already; refused where it ended otherwise."""
    if require_task(task).state is TaskState.CANCELED:
        return []
    require_open_task(task)
    return [TaskCanceled(reason=command.reason)]
