"""What each event of a task does to its view, without messages and artifacts."""

from typing import Any, assert_never

from contracts.a2a import TaskState
from contracts.attempts import AttemptRecord
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
from contracts.usage import UsageTotal, add_usage
from contracts.views import TaskDetail, TaskFailure, TaskStatus, TaskWaiting
from projectors.projections.expectations import expect_next, expect_nothing
from projectors.projections.projection import Recorded
from projectors.projections.task_events import message_of

__all__ = ["project_task_detail"]

type _End = TaskCompleted | TaskFailed | TaskRejected | TaskCanceled
type _Wait = TaskInputRequested | TaskApprovalRequested | TaskInputProvided | TaskApprovalResolved


def _submitted(recorded: Recorded[TaskEvent], event: TaskSubmitted) -> TaskDetail:
    """Return a task as it comes into being."""
    return TaskDetail(
        task_id=recorded.aggregate_id,
        workspace_id=recorded.workspace_id,
        context_id=event.context_id,
        agent_id=event.agent_id,
        status=TaskStatus(state=TaskState.SUBMITTED, message=None, timestamp=recorded.time),
        priority=event.priority,
        attempt=0,
        max_attempts=event.max_attempts,
        worker=None,
        progress=None,
        failure=None,
        cancel_reason=None,
        usage=UsageTotal(),
        metadata=event.metadata,
        reference_task_ids=event.reference_task_ids,
        generation=recorded.generation,
        submitted_at=recorded.time,
        updated_at=recorded.time,
        finished_at=None,
        not_before=event.not_before,
        deadline=event.deadline,
    )


def _status(view: TaskDetail, recorded: Recorded[TaskEvent], state: TaskState) -> TaskStatus:
    """Return the status in a state: since when it lasts, and the last message that was said."""
    since = view.status.timestamp if view.status.state is state else recorded.time
    return TaskStatus(state=state, message=message_of(recorded.event) or view.status.message, timestamp=since)


def _failed_attempt(view: TaskDetail, recorded: Recorded[TaskEvent], event: TaskAttemptFailed) -> dict[str, Any]:
    """Return the changes of an attempt that came to nothing; it goes into the history."""
    changes = {
        "status": _status(view, recorded, view.status.state),
        "attempt_started_at": None,
        "retry_at": event.retry_at,
    }
    if view.worker is None or view.attempt_started_at is None:
        return changes
    record = AttemptRecord(
        attempt=event.attempt,
        worker=view.worker,
        started_at=view.attempt_started_at,
        ended_at=recorded.time,
        code=event.code,
        reason=event.reason,
    )
    return {**changes, "attempts": (*view.attempts, record)}


def _waiting(event: TaskInputRequested | TaskApprovalRequested) -> TaskWaiting:
    """Return what the task waits for from now on."""
    if isinstance(event, TaskApprovalRequested):
        return TaskWaiting(
            kind="approval",
            request_id=None,
            approval_id=event.approval_id,
            message=None,
            answer_schema=None,
            operation=event.operation,
            expires_at=event.expires_at,
        )
    return TaskWaiting(
        kind="input",
        request_id=event.request_id,
        approval_id=None,
        message=event.message,
        answer_schema=event.answer_schema,
        operation=None,
        expires_at=event.expires_at,
    )


def _waits(view: TaskDetail, recorded: Recorded[TaskEvent], event: _Wait) -> dict[str, Any]:
    """Return the changes where a wait begins or is over."""
    match event:
        case TaskInputRequested():
            return {"status": _status(view, recorded, TaskState.INPUT_REQUIRED), "waiting": _waiting(event)}
        case TaskApprovalRequested():
            return {"status": _status(view, recorded, TaskState.AUTH_REQUIRED), "waiting": _waiting(event)}
        case TaskInputProvided() | TaskApprovalResolved():
            return {"status": _status(view, recorded, TaskState.WORKING), "waiting": None}
        case _:
            assert_never(event)


def _ended(view: TaskDetail, recorded: Recorded[TaskEvent], event: _End) -> dict[str, Any]:
    """Return the changes of an end: nothing is waited for, no attempt is under way or will be."""
    over = {"finished_at": recorded.time, "attempt_started_at": None, "retry_at": None, "waiting": None}
    match event:
        case TaskCompleted():
            return {**over, "status": _status(view, recorded, TaskState.COMPLETED)}
        case TaskFailed():
            failure = TaskFailure(code=event.code, reason=event.reason)
            status = _status(view, recorded, TaskState.FAILED)
            return {**over, "status": status, "failure": failure, "attempts": event.attempts or view.attempts}
        case TaskRejected():
            status = _status(view, recorded, TaskState.REJECTED)
            return {**over, "status": status, "reject_reason": event.reason}
        case TaskCanceled():
            status = _status(view, recorded, TaskState.CANCELED)
            return {**over, "status": status, "cancel_reason": event.reason}
        case _:
            assert_never(event)


def _started(
    view: TaskDetail, recorded: Recorded[TaskEvent], event: TaskStarted | TaskAttemptStarted
) -> dict[str, Any]:
    """Return the changes of a new attempt; it starts without progress."""
    return {
        "status": _status(view, recorded, TaskState.WORKING),
        "attempt": event.attempt,
        "worker": event.worker,
        "progress": None,
        "attempt_started_at": recorded.time,
        "retry_at": None,
    }


def _changes(view: TaskDetail, recorded: Recorded[TaskEvent]) -> dict[str, Any]:
    """Return what an event after the first changes, besides generation and time."""
    event = recorded.event
    match event:
        case TaskStarted() | TaskAttemptStarted():
            return _started(view, recorded, event)
        case TaskAttemptFailed():
            return _failed_attempt(view, recorded, event)
        case TaskResumed():
            return {"worker": event.worker}
        case TaskProgressed():
            progress = view.progress if event.fraction is None else event.fraction
            return {"status": _status(view, recorded, view.status.state), "progress": progress}
        case TaskUsageReported():
            return {"usage": add_usage(view.usage, event.usage)}
        case TaskInputRequested() | TaskApprovalRequested() | TaskInputProvided() | TaskApprovalResolved():
            return _waits(view, recorded, event)
        case TaskCompleted() | TaskFailed() | TaskRejected() | TaskCanceled():
            return _ended(view, recorded, event)
        case TaskSubmitted() | TaskMessageAdded() | TaskArtifactAppended() | TaskReleased():
            return {}
        case _:
            assert_never(event)


def project_task_detail(view: TaskDetail | None, recorded: Recorded[TaskEvent]) -> TaskDetail | None:
    """Return the task after an event."""
    if isinstance(recorded.event, TaskSubmitted):
        expect_nothing(view, recorded)
        return _submitted(recorded, recorded.event)
    current = expect_next(view, recorded)
    moved = {"generation": recorded.generation, "updated_at": recorded.time}
    return replace_fields(current, moved | _changes(current, recorded))
