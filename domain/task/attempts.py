"""How an attempt ends that came to nothing: with another attempt later, or with the task's failure."""

from datetime import datetime, timedelta
from typing import NamedTuple

from contracts.a2a import Message
from contracts.attempts import AttemptRecord
from contracts.events import TaskAttemptFailed, TaskFailed
from domain.task.facts import AttemptRecorded, TaskQueued
from domain.task.state import Task

__all__ = ["AttemptEnd", "end_attempt", "fail_task", "retry_delay", "running_attempt"]


class AttemptEnd(NamedTuple):
    """Why an attempt ended; `share` is a random number from 0 to 1 for the jitter."""

    at: datetime
    code: str
    reason: str
    message: Message | None
    is_retryable: bool
    share: float


def retry_delay(task: Task, share: float) -> timedelta:
    """Return the wait before the next attempt: min(cap, base * factor^(attempt - 1)) * (1 - jitter * share)."""
    retry = task.rules.retry
    # The exponent is bounded, for a float overflows beyond; the cap is reached long before.
    delay = min(retry.cap_seconds, retry.base_seconds * retry.factor ** min(task.attempt - 1, 100))
    return timedelta(seconds=delay * (1 - retry.jitter * share))


def end_attempt(task: Task, end: AttemptEnd) -> list[TaskAttemptFailed | TaskFailed | AttemptRecorded | TaskQueued]:
    """Return the retry, or the failure where the code is never retried or no attempt is left."""
    if not end.is_retryable or end.code in task.rules.retry.never_retried:
        return [fail_task(task, end)]
    if task.attempt >= task.rules.max_attempts:
        reason = f"All {task.rules.max_attempts} attempts came to nothing; the last ended with {end.code}: {end.reason}"
        return [fail_task(task, end, code="attempts_exhausted", reason=reason)]
    retry_at = end.at + retry_delay(task, end.share)
    failed = TaskAttemptFailed(
        attempt=task.attempt, code=end.code, reason=end.reason, retry_at=retry_at, message=end.message
    )
    records = [AttemptRecorded(record=record) for record in running_attempt(task, end)]
    return [failed, *records, TaskQueued(ready_at=retry_at)]


def fail_task(task: Task, end: AttemptEnd, *, code: str | None = None, reason: str | None = None) -> TaskFailed:
    """Return the failure with the whole history, the running attempt included."""
    return TaskFailed(
        attempt=task.attempt,
        code=code or end.code,
        reason=reason or end.reason,
        message=end.message,
        attempts=(*task.attempts, *running_attempt(task, end)),
    )


def running_attempt(task: Task, end: AttemptEnd) -> tuple[AttemptRecord, ...]:
    """Return the record of the attempt that ends now, empty where none is running."""
    if task.worker is None or task.attempt_started_at is None:
        return ()
    return (
        AttemptRecord(
            attempt=task.attempt,
            worker=task.worker,
            started_at=task.attempt_started_at,
            ended_at=end.at,
            code=end.code,
            reason=end.reason,
        ),
    )
