"""A task, whole: its row, the messages of its history and the chunks of its artifacts."""

from contracts.events import Event, TaskArtifactAppended, TaskEvent
from contracts.record import Record
from contracts.views import TaskDetail
from projectors.projections.projection import Projection, Recorded, RowTable, ViewTable
from projectors.projections.rendering import render_view
from projectors.projections.task_changes import project_task_detail
from projectors.projections.task_events import TASK_EVENT_TYPES, message_of

__all__ = ["TASK_DETAIL", "artifact_chunk_row", "task_message_row"]


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
