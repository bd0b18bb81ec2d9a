"""Give a task to a worker, for a while; take it over where the last worker's lease ran out."""

from datetime import datetime, timedelta

from contracts.events import TaskAttemptStarted, TaskFailed, TaskStarted
from contracts.record import Record
from domain.agent.state import Agent, require_working_agent
from domain.rejection import Conflict
from domain.task.facts import LeaseGranted
from domain.task.state import Lease, Task, require_open_task

__all__ = ["LeaseTask", "decide_lease_task"]


class LeaseTask(Record):
    """Lease a task; `seconds` None is the length that the agent's policy says."""

    at: datetime
    agent: Agent | None
    worker: str
    seconds: int | None


def decide_lease_task(
    command: LeaseTask, task: Task | None
) -> list[TaskStarted | TaskAttemptStarted | TaskFailed | LeaseGranted]:
    """Return the start of an attempt, or the failure of a task whose attempts are used up; refused while leased."""
    task = require_open_task(task)
    agent = require_working_agent(command.agent)
    if task.claimable_at is None:
        raise Conflict("wrong_state", f"The task is {task.state}: nobody can work on it now.")
    if task.lease is not None and task.lease.expires_at > command.at:
        raise Conflict("task_leased", "Another worker has the task.")
    if task.attempt >= task.max_attempts:
        return [_attempts_exhausted(task)]
    seconds = command.seconds or agent.policy.lease_seconds
    lease = Lease(
        number=task.leases + 1,
        worker=command.worker,
        seconds=seconds,
        expires_at=command.at + timedelta(seconds=seconds),
    )
    started = TaskStarted if task.attempt == 0 else TaskAttemptStarted
    return [started(attempt=task.attempt + 1, worker=command.worker), LeaseGranted(lease=lease)]


def _attempts_exhausted(task: Task) -> TaskFailed:
    """Return the failure that the service itself decides."""
    reason = f"None of {task.max_attempts} attempts came to an end: each lost its lease."
    return TaskFailed(attempt=task.attempt, code="attempts_exhausted", reason=reason, message=None)
