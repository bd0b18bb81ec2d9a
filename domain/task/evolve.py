"""A task's state as the fold of its events and facts."""

from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from contracts.a2a import TaskState
from contracts.events import (
    TaskApprovalRequested,
    TaskApprovalResolved,
    TaskArtifactAppended,
    TaskAttemptFailed,
    TaskAttemptStarted,
    TaskCanceled,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskInputProvided,
    TaskInputRequested,
    TaskMessageAdded,
    TaskProgressed,
    TaskRejected,
    TaskReleased,
    TaskResumed,
    TaskStarted,
    TaskSubmitted,
    TaskUsageReported,
)
from contracts.record import replace_fields
from domain.moments import EPOCH
from domain.task.facts import (
    AttemptRecorded,
    CancelAcknowledged,
    LeaseGranted,
    LeaseReleased,
    LeaseRenewed,
    TaskFact,
    TaskQueued,
    WaitBegun,
    WorkContinued,
    WorkPaused,
)
from domain.task.sizes import artifact_size, message_size
from domain.task.state import ArtifactState, Task, TaskRules, require_task

__all__ = ["evolve_task"]

type _LaterEvent = (
    TaskStarted
    | TaskAttemptStarted
    | TaskResumed
    | TaskReleased
    | TaskAttemptFailed
    | TaskMessageAdded
    | TaskInputRequested
    | TaskInputProvided
    | TaskApprovalRequested
    | TaskApprovalResolved
    | TaskProgressed
    | TaskArtifactAppended
    | TaskUsageReported
    | TaskCompleted
    | TaskFailed
    | TaskRejected
    | TaskCanceled
)


def evolve_task(task: Task | None, change: TaskEvent | TaskFact) -> Task:
    """Return the state after an event or a fact; only events advance the generation."""
    match change:
        case TaskSubmitted():
            return _submitted(change)
        case (
            TaskQueued()
            | LeaseGranted()
            | LeaseRenewed()
            | LeaseReleased()
            | WorkContinued()
            | WorkPaused()
            | WaitBegun()
            | AttemptRecorded()
            | CancelAcknowledged()
        ):
            task = require_task(task)
            return replace_fields(task, _fact_changes(task, change))
        case _:
            task = require_task(task)
            return replace_fields(task, {"generation": task.generation + 1, **_event_changes(task, change)})


def _submitted(event: TaskSubmitted) -> Task:
    """Return a new task."""
    rules = TaskRules(max_attempts=event.max_attempts, attempt_seconds=event.attempt_seconds, retry=event.retry)
    return Task(
        task_id=event.task_id,
        agent_id=event.agent_id,
        context_id=event.context_id,
        state=TaskState.SUBMITTED,
        priority=event.priority,
        rules=rules,
        ready_at=event.not_before or EPOCH,
        deadline=event.deadline,
        attempt=0,
        worker=None,
        attempt_started_at=None,
        running_since=None,
        attempts=(),
        is_resuming=False,
        leases=0,
        lease=None,
        waiting=None,
        messages=1,
        artifacts={},
        is_cancel_acknowledged=False,
        generation=1,
    )


def _fact_changes(task: Task, fact: TaskFact) -> dict[str, Any]:
    """Return the fields that a fact changes."""
    match fact:
        case TaskQueued():
            return {"ready_at": fact.ready_at, "lease": None}
        case LeaseGranted():
            began = {"attempt_started_at": fact.at, "worked": timedelta(0)} if fact.is_new_attempt else {}
            return {
                "lease": fact.lease,
                "leases": fact.lease.number,
                "worker": fact.lease.worker,
                "running_since": fact.at,
                "is_resuming": False,
                **began,
            }
        case LeaseRenewed():
            return {"lease": fact.lease}
        case LeaseReleased():
            return {"lease": None}
        case WorkContinued():
            return {"running_since": fact.at}
        case WorkPaused():
            return _paused(task, fact.at)
        case WaitBegun():
            return {"waiting": fact.waiting, "worker_bytes": task.worker_bytes + fact.size, **_paused(task, fact.at)}
        case AttemptRecorded():
            return {"attempts": (*task.attempts, fact.record), "attempt_started_at": None, "running_since": None}
        case CancelAcknowledged():
            return {"is_cancel_acknowledged": True}
        case _:
            assert_never(fact)


def _paused(task: Task, at: datetime) -> dict[str, Any]:
    """Return what changes where nobody works on a task from now on: its attempt's time stands still."""
    worked = timedelta(0) if task.running_since is None else at - task.running_since
    return {"worked": task.worked + worked, "running_since": None}


def _event_changes(task: Task, event: _LaterEvent) -> dict[str, Any]:
    """Return the fields that an event changes, beside the generation."""
    match event:
        case TaskStarted() | TaskAttemptStarted():
            return {"state": TaskState.WORKING, "attempt": event.attempt}
        case TaskMessageAdded():
            return {"messages": event.ordinal, "message_bytes": task.message_bytes + message_size(event.message)}
        case TaskInputRequested():
            return {"state": TaskState.INPUT_REQUIRED, "asked": _with_id(task.asked, event.request_id)}
        case TaskApprovalRequested():
            return {"state": TaskState.AUTH_REQUIRED, "asked": _with_id(task.asked, event.approval_id)}
        case TaskInputProvided() | TaskApprovalResolved():
            size = task.message_bytes + message_size(event.message)
            # An attempt that failed before the task waited (for its budget) is over: what follows is the next one.
            is_resuming = task.lease is None and task.attempt_started_at is not None
            state = {"state": TaskState.WORKING, "waiting": None, "is_resuming": is_resuming}
            return {**state, "messages": event.ordinal, "message_bytes": size}
        case TaskArtifactAppended():
            return {"artifacts": {**task.artifacts, event.artifact.artifact_id: _appended(task, event)}}
        case TaskUsageReported():
            return {"reports": task.reports + 1}
        case TaskProgressed() | TaskAttemptFailed():
            return {"worker_bytes": task.worker_bytes + message_size(event.message)} if event.message else {}
        case TaskResumed():
            return {}
        case TaskReleased():
            return {"is_resuming": True, "releases": task.releases + 1}
        case TaskCompleted():
            return _ended(TaskState.COMPLETED)
        case TaskFailed():
            return {**_ended(TaskState.FAILED), "attempts": event.attempts}
        case TaskRejected():
            return _ended(TaskState.REJECTED)
        case TaskCanceled():
            return {**_ended(TaskState.CANCELED), "canceled_lease": None if task.lease is None else task.lease.number}
        case _:
            assert_never(event)


def _with_id(asked: tuple[UUID, ...], added: UUID) -> tuple[UUID, ...]:
    """Return ids with one more, which may be among them: a budget asks under its own id each time that it is spent."""
    return asked if added in asked else (*asked, added)


def _appended(task: Task, event: TaskArtifactAppended) -> ArtifactState:
    """Return an artifact with one more chunk; one that is begun anew has no more than that."""
    before = task.artifacts.get(event.artifact.artifact_id) if event.append else None
    size = artifact_size(event.artifact) + (before.size if before else 0)
    return ArtifactState(attempt=event.attempt, is_closed=event.last_chunk, size=size)


def _ended(state: TaskState) -> dict[str, Any]:
    """Return what every end has in common: nobody works on it, nothing is waited for."""
    return {"state": state, "lease": None, "waiting": None}
