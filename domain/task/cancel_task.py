"""Stop a task, at once."""

from datetime import datetime

from contracts.a2a import TaskState
from contracts.events import TaskApprovalResolved, TaskCanceled
from contracts.record import Record
from domain.task.resolve_approval import withdraw_approval
from domain.task.state import Task, require_open_task, require_task

__all__ = ["CancelTask", "decide_cancel_task"]


class CancelTask(Record):
    """Cancel, for a reason or none."""

    at: datetime
    reason: str | None


def decide_cancel_task(command: CancelTask, task: Task | None) -> list[TaskApprovalResolved | TaskCanceled]:
    """Return the cancellation, nothing where it is canceled already; refused where it ended otherwise."""
    if require_task(task).state is TaskState.CANCELED:
        return []
    return [*withdraw_approval(require_open_task(task)), TaskCanceled(reason=command.reason)]
