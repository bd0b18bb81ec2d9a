"""A task, whole: its row, the messages of its history and the chunks of its artifacts."""

from typing import Any, assert_never

from contracts.a2a import TaskState
from contracts.events import (
    Event,
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
from contracts.record import Record
from contracts.usage import UsageTotal, add_usage
from contracts.views import TaskDetail, TaskFailure, TaskStatus
from projectors.projections.expectations import expect_next, expect_nothing
from projectors.projections.projection import Projection, Recorded, RowTable, ViewTable
from projectors.projections.rendering import render_view
from projectors.projections.task_events import TASK_EVENT_TYPES, message_of

__all__ = ["TASK_DETAIL", "artifact_chunk_row", "project_task_detail", "task_message_row"]


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
    )


def _status(view: TaskDetail, recorded: Recorded[TaskEvent], state: TaskState) -> TaskStatus:
    """Return the status in a state: since when it lasts, and the last message that was said."""
    since = view.status.timestamp if view.status.state is state else recorded.time
    return TaskStatus(state=state, message=message_of(recorded.event) or view.status.message, timestamp=since)


def _changes(view: TaskDetail, recorded: Recorded[TaskEvent]) -> dict[str, Any]:
    """Return what an event after the first changes, besides generation and time."""
    event = recorded.event
    match event:
        case TaskStarted() | TaskAttemptStarted():
            status = _status(view, recorded, TaskState.WORKING)
            return {"status": status, "attempt": event.attempt, "worker": event.worker, "progress": None}
        case TaskProgressed():
            progress = view.progress if event.fraction is None else event.fraction
            return {"status": _status(view, recorded, view.status.state), "progress": progress}
        case TaskUsageReported():
            return {"usage": add_usage(view.usage, event.usage)}
        case TaskArtifactAppended():
            return {}
        case TaskCompleted():
            return {"status": _status(view, recorded, TaskState.COMPLETED), "finished_at": recorded.time}
        case TaskFailed():
            failure = TaskFailure(code=event.code, reason=event.reason)
            status = _status(view, recorded, TaskState.FAILED)
            return {"status": status, "failure": failure, "finished_at": recorded.time}
        case TaskCanceled():
            status = _status(view, recorded, TaskState.CANCELED)
            return {"status": status, "cancel_reason": event.reason, "finished_at": recorded.time}
        case TaskSubmitted():
            return {}
        case _:
            assert_never(event)


def project_task_detail(view: TaskDetail | None, recorded: Recorded[TaskEvent]) -> TaskDetail | None:
    """Return the task after an event; a new attempt starts without progress."""
    if isinstance(recorded.event, TaskSubmitted):
        expect_nothing(view, recorded)
        return _submitted(recorded, recorded.event)
    current = expect_next(view, recorded)
    moved = {"generation": recorded.generation, "updated_at": recorded.time}
    return current.model_copy(update=moved | _changes(current, recorded))


def _render(content: Record) -> bytes:
    """Return A2A content as JSON without the fields that are null."""
    return content.model_dump_json(exclude_none=True).encode()


def task_message_row(recorded: Recorded[TaskEvent]) -> tuple[object, ...] | None:
    """Return the row of the message that an event brings, in the order of `task_messages`."""
    message = message_of(recorded.event)
    if message is None:
        return None
    return (recorded.aggregate_id, recorded.generation, recorded.workspace_id, _render(message))


def artifact_chunk_row(recorded: Recorded[TaskEvent]) -> tuple[object, ...] | None:
    """Return the row of the chunk that an event brings, in the order of `task_artifact_chunks`."""
    event = recorded.event
    if not isinstance(event, TaskArtifactAppended):
        return None
    return (
        recorded.aggregate_id,
        recorded.generation,
        recorded.workspace_id,
        event.artifact.artifact_id,
        event.append,
        event.last_chunk,
        _render(event.artifact),
    )


def _tags(recorded: Recorded[Event]) -> tuple[str, ...]:
    """Name the task."""
    return (f"task_detail/{recorded.aggregate_id}",)


TASK_DETAIL = Projection(
    name="task_detail",
    version=1,
    event_types=TASK_EVENT_TYPES,
    tags=_tags,
    views=(
        ViewTable(
            table="task_detail",
            view=TaskDetail,
            project=project_task_detail,
            columns=lambda view: (view.generation,),
            render=render_view,
        ),
    ),
    rows=(
        RowTable(table="task_messages", row=task_message_row),
        RowTable(table="task_artifact_chunks", row=artifact_chunk_row),
    ),
)
"""The projection `task_detail`."""
