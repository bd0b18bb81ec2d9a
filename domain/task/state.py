"""What must be known of a task to decide: the aggregate's state, without any content."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, computed_field

from contracts.a2a import INTERRUPTED_STATES, TERMINAL_STATES, TaskState
from contracts.record import Record
from domain.rejection import Conflict, NotFound

__all__ = ["ArtifactState", "Lease", "Task", "require_lease", "require_open_task", "require_task"]


class Lease(Record):
    """A worker's exclusive right to a task. `number` fences: it goes up with each lease of the task."""

    number: int
    worker: str
    seconds: int
    expires_at: datetime


class ArtifactState(Record):
    """How far an artifact is; the attempt that began it may append to it until it is closed."""

    attempt: int
    is_closed: bool


class Task(Record):
    """A task; `generation` counts its events, `leases` its leases. Reads states that hold more than it knows."""

    model_config = ConfigDict(extra="ignore")

    task_id: UUID
    agent_id: UUID
    context_id: str
    state: TaskState
    priority: int
    attempt: int
    max_attempts: int
    leases: int
    lease: Lease | None
    ready_at: datetime
    artifacts: dict[str, ArtifactState]
    generation: int

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated properties
    @property
    def claimable_at(self) -> int | None:
        """From when a worker may lease it, in microseconds since 1970; None where no worker may.

        While a lease lasts that is its expiry: a takeover needs no other rule and the same index.
        """
        if self.state in TERMINAL_STATES or self.state in INTERRUPTED_STATES:
            return None
        moment = self.lease.expires_at if self.lease else self.ready_at
        return int(moment.timestamp() * 1_000_000)


def require_task(task: Task | None) -> Task:
    """Return the task; raises NotFound `task_not_found`."""
    if task is None:
        raise NotFound("task_not_found", "There is no such task.")
    return task


def require_open_task(task: Task | None) -> Task:
    """Return a task that can still change; raises NotFound, or Conflict `wrong_state` where it is terminal."""
    task = require_task(task)
    if task.state in TERMINAL_STATES:
        raise Conflict("wrong_state", f"The task is {task.state}: that is final.")
    return task


def require_lease(task: Task | None, number: int | None) -> tuple[Task, Lease]:
    """Return a task and its lease where `number` is that of the live lease; raises NotFound or Conflict `lease_lost`.

    The number fences, not the expiry: a lease that ran out is good until somebody else takes the task.
    """
    task = require_task(task)
    if task.state in TERMINAL_STATES:
        raise Conflict("lease_lost", f"The lease is over: the task is {task.state}.")
    if task.lease is None or task.lease.number != number:
        raise Conflict("lease_lost", "The lease token is not that of the task's lease; another worker may have it.")
    return task, task.lease
