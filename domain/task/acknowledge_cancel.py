"""The worker says that it has stopped work on a canceled task, and what it used until then."""

from datetime import datetime

from contracts.events import TaskUsageReported
from contracts.record import Record
from contracts.usage import Usage
from domain.rejection import Conflict
from domain.task.facts import CancelAcknowledged
from domain.task.report_progress import usage_events
from domain.task.state import Task, has_canceled_lease, require_lease, require_task

__all__ = ["AcknowledgeCancel", "decide_acknowledge_cancel"]


class AcknowledgeCancel(Record):
    """Acknowledge with the token of the lease that the cancellation fenced; `usage` is since the last report."""

    at: datetime
    lease_number: int | None
    usage: Usage | None = None


def decide_acknowledge_cancel(
    command: AcknowledgeCancel, task: Task | None
) -> list[TaskUsageReported | CancelAcknowledged]:
    """Return the usage, for real spend is always recorded, and the acknowledgement where it is the first.

    The task stays canceled. Refused as every call of a worker without the lease, and where there is nothing to
    acknowledge.
    """
    task = require_task(task)
    if not has_canceled_lease(task, command.lease_number):
        task, _ = require_lease(task, command.lease_number)
        raise Conflict("wrong_state", f"The task is {task.state}, not canceled.")
    acknowledged = [] if task.is_cancel_acknowledged else [CancelAcknowledged()]
    return [*usage_events(command.usage, task), *acknowledged]
