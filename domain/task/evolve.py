"""A task's state as the fold of its events and facts."""

from datetime import UTC, datetime
from typing import Any, assert_never

from contracts.a2a import TaskState
from contracts.events import (
    TaskArtifactAppended,
    TaskAttemptStarted,
    TaskCanceled,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSubmitted,
    TaskUsageReported,
)
from domain.task.facts import LeaseGranted, LeaseRenewed, TaskFact, TaskQueued
from domain.task.state import ArtifactState, Task, require_task

__all__ = ["evolve_task"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def evolve_task(task: Task | None, change: TaskEvent | TaskFact) -> Task:
    """Return the state after an event or a fact; only events advance the generation."""
    if isinstance(change, TaskSubmitted):
        return _submitted(change)
    task = require_task(task)
    match change:
        case TaskQueued():
            return task.model_copy(update={"ready_at": change.ready_at, "lease": None})
        case LeaseGranted() | LeaseRenewed():
            return task.model_copy(update={"lease": change.lease, "leases": change.lease.number})
        case _:
            return task.model_copy(update={"generation": task.generation + 1, **_changes(task, change)})


def _submitted(event: TaskSubmitted) -> Task:
    """Return a new task."""
    return Task(
        task_id=event.task_id,
        agent_id=event.agent_id,
        context_id=event.context_id,
        state=TaskState.SUBMITTED,
        priority=event.priority,
        attempt=0,
        max_attempts=event.max_attempts,
        leases=0,
        lease=None,
        ready_at=_EPOCH,
        artifacts={},
        generation=1,
    )


def _changes(
    task: Task,
    event: TaskStarted
    | TaskAttemptStarted
    | TaskProgressed
    | TaskArtifactAppended
    | TaskUsageReported
    | TaskCompleted
    | TaskFailed
    | TaskCanceled,
) -> dict[str, Any]:
    """Return the fields that an event changes, beside the generation."""
    match event:
        case TaskStarted() | TaskAttemptStarted():
            return {"state": TaskState.WORKING, "attempt": event.attempt}
        case TaskArtifactAppended():
            artifact = ArtifactState(attempt=event.attempt, is_closed=event.last_chunk)
            return {"artifacts": {**task.artifacts, event.artifact.artifact_id: artifact}}
        case TaskProgressed() | TaskUsageReported():
            return {}
        case TaskCompleted():
            return {"state": TaskState.COMPLETED, "lease": None}
        case TaskFailed():
            return {"state": TaskState.FAILED, "lease": None}
        case TaskCanceled():
            return {"state": TaskState.CANCELED, "lease": None}
        case _:
            assert_never(event)
