"""What time alone leads to. The scheduler asks; the rules here say what is due, and nothing is due twice.

In this order: the deadline ends the task in any state; a question that nobody answered is answered by its default or
fails the task; an attempt that lasted too long, and a lease that nobody renewed, end the attempt.
"""

from collections.abc import Sequence
from datetime import datetime

from contracts.approvals import ApprovalStatus
from contracts.events import TaskEvent
from contracts.record import Record
from domain.task.answers import answer_events
from domain.task.attempts import AttemptEnd, end_attempt, fail_task
from domain.task.facts import LeaseReleased, TaskFact
from domain.task.resolve_approval import resolve_approval, withdraw_approval
from domain.task.state import Lease, Task, Waiting, require_open_task

__all__ = ["TimeOutTask", "decide_time_out_task"]


class TimeOutTask(Record):
    """Ask what is due; `share` is a random number from 0 to 1, for the jitter of a delay."""

    at: datetime
    share: float


def decide_time_out_task(command: TimeOutTask, task: Task | None) -> Sequence[TaskEvent | TaskFact]:
    """Return what is due at this time, nothing where nothing is; refused where the task is over."""
    task = require_open_task(task)
    if _is_due(task.deadline, command.at):
        failed = fail_task(task, _end(command, "deadline_exceeded", "The task's deadline is over."))
        return [*withdraw_approval(task), failed]
    if task.waiting is not None and _is_due(task.waiting.expires_at, command.at):
        return _expire_question(command, task, task.waiting)
    if _is_due(task.attempt_ends_at, command.at):
        reason = f"The attempt lasted longer than {task.rules.attempt_seconds} seconds."
        return end_attempt(task, _end(command, "attempt_timeout", reason))
    if task.lease is not None and _is_due(task.lease.expires_at, command.at):
        return _expire_lease(command, task, task.lease)
    return []


def _is_due(moment: datetime | None, at: datetime) -> bool:
    """Tell whether a moment has come."""
    return moment is not None and moment <= at


def _end(command: TimeOutTask, code: str, reason: str) -> AttemptEnd:
    """Return the end of an attempt that the service itself decides."""
    return AttemptEnd(command.at, code, reason, message=None, is_retryable=True, share=command.share)


def _expire_question(command: TimeOutTask, task: Task, waiting: Waiting) -> Sequence[TaskEvent | TaskFact]:
    """Answer with the default, or give up; an approval that nobody decided on is none."""
    if waiting.kind == "approval":
        return resolve_approval(task, waiting, ApprovalStatus.EXPIRED, command.at)
    if waiting.default is not None:
        return answer_events(task, waiting, waiting.default, command.at, is_default=True)
    return [fail_task(task, _end(command, "input_expired", "Nobody answered the worker's question in time."))]


def _expire_lease(command: TimeOutTask, task: Task, lease: Lease) -> Sequence[TaskEvent | TaskFact]:
    """End the attempt of a worker that is gone; one that only waited for an answer is not missed until it comes."""
    if task.waiting is not None:
        return [LeaseReleased()]
    return end_attempt(task, _end(command, "lease_expired", f"The worker {lease.worker} did not renew its lease."))
