"""The worker says that it has stopped work on a canceled task."""

from datetime import datetime

from contracts.a2a import TaskState
from contracts.record import Record
from domain.rejection import Conflict
from domain.task.facts import CancelAcknowledged
from domain.task.state import Task, require_task

__all__ = ["AcknowledgeCancel", "decide_acknowledge_cancel"]


class AcknowledgeCancel(Record):
    """Acknowledge, with the token of the lease that the cancellation fenced."""

    at: datetime
    lease_number: int | None


def decide_acknowledge_cancel(command: AcknowledgeCancel, task: Task | None) -> list[CancelAcknowledged]:
    """Return the acknowledgement, nothing the second time; the task, terminal, stays as it is for clients."""
    task = require_task(task)
    if task.state is not TaskState.CANCELED:
        raise Conflict("wrong_state", f"The task is {task.state}, not canceled.")
    if not command.lease_number or command.lease_number != task.leases:
        raise Conflict("lease_lost", "The lease token is not that of the lease which the cancellation fenced.")
    return [] if task.is_cancel_acknowledged else [CancelAcknowledged()]
