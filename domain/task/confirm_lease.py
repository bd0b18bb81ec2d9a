"""A worker does something beside its task, which holds only while the task is still its own."""

from contracts.record import Record
from domain.task.facts import LeaseRenewed
from domain.task.state import Task, require_lease, require_working_lease

__all__ = ["ConfirmLease", "decide_confirm_lease"]


class ConfirmLease(Record):
    """Confirm that the worker has the task and may work on it."""

    lease_number: int | None


def decide_confirm_lease(command: ConfirmLease, task: Task | None) -> list[LeaseRenewed]:
    """Return the lease as it is: so the task is saved too, and nothing is where somebody else changed it meanwhile."""
    task = require_working_lease(task, command.lease_number)
    _, lease = require_lease(task, command.lease_number)
    return [LeaseRenewed(lease=lease)]
