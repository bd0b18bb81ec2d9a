"""What the projections of tasks share: their event types, and the message that an event may bring."""

from typing import assert_never, get_args

from contracts.a2a import Message
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

__all__ = ["TASK_EVENT_TYPES", "message_of"]

TASK_EVENT_TYPES: frozenset[str] = frozenset(event.type for event in get_args(TaskEvent.__value__))
"""Every event of a task."""


def message_of(event: TaskEvent) -> Message | None:
    """Return the message that an event adds to the history of its task."""
    match event:
        case (
            TaskSubmitted()
            | TaskProgressed()
            | TaskMessageAdded()
            | TaskInputRequested()
            | TaskInputProvided()
            | TaskApprovalResolved()
            | TaskAttemptFailed()
            | TaskCompleted()
            | TaskFailed()
            | TaskRejected()
        ):
            return event.message
        case (
            TaskStarted()
            | TaskAttemptStarted()
            | TaskReleased()
            | TaskResumed()
            | TaskApprovalRequested()
            | TaskArtifactAppended()
            | TaskUsageReported()
            | TaskCanceled()
        ):
            return None
        case _:
            assert_never(event)
