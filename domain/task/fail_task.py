"""Say that an attempt came to nothing; whether another follows is the policy's to say."""

from collections.abc import Sequence
from datetime import datetime

from contracts.a2a import Message
from contracts.events import TaskAttemptFailed, TaskFailed, TaskUsageReported
from contracts.record import Record
from contracts.usage import Usage
from domain.task.attempts import AttemptEnd, end_attempt
from domain.task.facts import AttemptRecorded, TaskQueued
from domain.task.report_progress import usage_events
from domain.task.sizes import MAX_WORKER_BYTES, message_size, require_worker_room
from domain.task.state import Task, require_working_lease

__all__ = ["FailTask", "decide_fail_task"]


class FailTask(Record):
    """Fail, with the worker's code, a reason for people and what was used since the last report.

    `share` is a random number from 0 to 1, for the jitter of the delay before the next attempt.
    """

    at: datetime
    lease_number: int | None
    code: str
    reason: str
    message: Message | None
    usage: Usage | None
    is_retryable: bool = False
    share: float = 0.0


def decide_fail_task(
    command: FailTask, task: Task | None
) -> Sequence[TaskUsageReported | TaskAttemptFailed | TaskFailed | AttemptRecorded | TaskQueued]:
    """Return the end of the attempt and what follows from it; refused without the lease."""
    task = require_working_lease(task, command.lease_number)
    if command.is_retryable:
        require_worker_room(task, message_size(command.message), 2 * MAX_WORKER_BYTES)
    end = AttemptEnd(command.at, command.code, command.reason, command.message, command.is_retryable, command.share)
    return [*usage_events(command.usage, task), *end_attempt(task, end)]
