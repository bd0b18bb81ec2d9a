"""Tasks as lists show them: one row a task."""

from datetime import datetime
from typing import Any, Final, assert_never

from contracts.a2a import Message, TaskState
from contracts.events import (
    Event,
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
from contracts.views import TaskSummary
from projectors.projections.expectations import expect_next, expect_nothing
from projectors.projections.projection import Projection, Recorded, ViewTable
from projectors.projections.rendering import render_whole
from projectors.projections.task_events import TASK_EVENT_TYPES

__all__ = ["TASKS", "project_task_summary", "title_of"]

_TITLE_CHARACTERS: Final = 120
_LOOKED_AT: Final = 2_000  # of a text that may be a megabyte long


def title_of(message: Message) -> str:
    """Return the start of the first text with anything in it, on one line; empty where there is none."""
    for part in message.parts:
        words = (part.text or "")[:_LOOKED_AT].split()
        if words:
            return " ".join(words)[:_TITLE_CHARACTERS]
    return ""


def _submitted(recorded: Recorded[TaskEvent], event: TaskSubmitted) -> TaskSummary:
    """Return a task in a list as it comes into being."""
    return TaskSummary(
        task_id=recorded.aggregate_id,
        context_id=event.context_id,
        agent_id=event.agent_id,
        state=TaskState.SUBMITTED,
        title=title_of(event.message),
        priority=event.priority,
        attempt=0,
        progress=None,
        generation=recorded.generation,
        submitted_at=recorded.time,
        updated_at=recorded.time,
        finished_at=None,
    )


def _changes(event: TaskEvent, at: datetime) -> dict[str, Any]:
    """Return what an event after the first changes, besides generation and time, in a dictionary of its own."""
    match event:  # the most frequent first: what stands last costs a microsecond more
        case TaskUsageReported() | TaskMessageAdded() | TaskArtifactAppended():
            return {}
        case TaskStarted() | TaskAttemptStarted():
            return {"state": TaskState.WORKING, "attempt": event.attempt, "progress": None}
        case TaskProgressed():
            return {} if event.fraction is None else {"progress": event.fraction}
        case TaskCompleted():
            return {"state": TaskState.COMPLETED, "finished_at": at}
        case TaskInputRequested():
            return {"state": TaskState.INPUT_REQUIRED}
        case TaskApprovalRequested():
            return {"state": TaskState.AUTH_REQUIRED}
        case TaskInputProvided() | TaskApprovalResolved():
            return {"state": TaskState.WORKING}
        case TaskFailed():
            return {"state": TaskState.FAILED, "finished_at": at}
        case TaskRejected():
            return {"state": TaskState.REJECTED, "finished_at": at}
        case TaskCanceled():
            return {"state": TaskState.CANCELED, "finished_at": at}
        case TaskSubmitted() | TaskAttemptFailed() | TaskReleased() | TaskResumed():
            return {}
        case _:
            assert_never(event)


def project_task_summary(view: TaskSummary | None, recorded: Recorded[TaskEvent]) -> TaskSummary | None:
    """Return the task in a list after an event; a new attempt starts without progress."""
    if isinstance(recorded.event, TaskSubmitted):
        expect_nothing(view, recorded)
        return _submitted(recorded, recorded.event)
    changes = _changes(recorded.event, recorded.time)
    changes["generation"] = recorded.generation
    changes["updated_at"] = recorded.time
    return replace_fields(expect_next(view, recorded), changes)


def _tags(recorded: Recorded[Event]) -> tuple[str, ...]:
    """Name the list that the task stands in."""
    return (f"task_list/{recorded.workspace_id}",)


TASKS = Projection(
    name="tasks",
    event_types=TASK_EVENT_TYPES,
    tags=_tags,
    views=(
        ViewTable(
            table="task_list",
            view=TaskSummary,
            project=project_task_summary,
            columns=lambda view: (view.agent_id, view.context_id, view.state.value, view.submitted_at),
            render=render_whole,
        ),
    ),
)
"""The projection `tasks`."""
