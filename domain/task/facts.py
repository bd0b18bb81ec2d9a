"""Facts that only the aggregate keeps: they are no events, advance no generation and leave no trace in the log.

Leases live here, for a heartbeat is nothing that a client can see.
"""

from datetime import datetime

from contracts.record import Record
from domain.task.state import Lease

__all__ = ["LeaseGranted", "LeaseRenewed", "TaskFact", "TaskQueued"]


class TaskQueued(Record):
    """The task waits for a worker from this time on."""

    ready_at: datetime


class LeaseGranted(Record):
    """A worker has the task."""

    lease: Lease


class LeaseRenewed(Record):
    """The worker still has it."""

    lease: Lease


type TaskFact = TaskQueued | LeaseGranted | LeaseRenewed
