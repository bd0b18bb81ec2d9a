"""Facts that only the aggregate keeps: they are no events, advance no generation and leave no trace in the log.

Leases live here, for a heartbeat is nothing that a client can see.
"""

from datetime import datetime

from contracts.attempts import AttemptRecord
from contracts.record import Record
from domain.task.state import Lease, Waiting

__all__ = [
    "AttemptRecorded",
    "CancelAcknowledged",
    "LeaseGranted",
    "LeaseReleased",
    "LeaseRenewed",
    "TaskFact",
    "TaskQueued",
    "WaitBegun",
    "WorkContinued",
    "WorkPaused",
]


class TaskQueued(Record):
    """The task waits for a worker from this time on."""

    ready_at: datetime


class LeaseGranted(Record):
    """A worker has the task from `at` on, for a new attempt or to go on with the last."""

    lease: Lease
    at: datetime
    is_new_attempt: bool


class LeaseRenewed(Record):
    """The worker still has it."""

    lease: Lease


class LeaseReleased(Record):
    """Nobody has it."""


class AttemptRecorded(Record):
    """An attempt came to nothing; kept for the history that a failure tells."""

    record: AttemptRecord


class WorkContinued(Record):
    """The worker that kept its lease goes on: the time it waited does not count for the attempt's limit."""

    at: datetime


class WorkPaused(Record):
    """Nobody works on it from `at` on: the time until somebody does again does not count for the attempt's limit."""

    at: datetime


class WaitBegun(Record):
    """What the answer will be held against; the attempt's time stands still from `at` on.

    `size` is that of what was asked, in bytes.
    """

    waiting: Waiting
    at: datetime
    size: int = 0


class CancelAcknowledged(Record):
    """The worker knows that the task was canceled, and has stopped."""


type TaskFact = (
    TaskQueued
    | LeaseGranted
    | LeaseRenewed
    | LeaseReleased
    | WorkContinued
    | WorkPaused
    | WaitBegun
    | AttemptRecorded
    | CancelAcknowledged
)
