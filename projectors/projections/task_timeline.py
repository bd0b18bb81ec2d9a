"""The visible changes of a task, one row an event."""

from collections.abc import Mapping
from typing import Any

from contracts.events import Event, TaskArtifactAppended, TaskEvent
from contracts.views import TaskTimelineEntry
from projectors.projections.projection import Projection, Recorded, RowTable
from projectors.projections.rendering import render_whole
from projectors.projections.task_events import TASK_EVENT_TYPES

__all__ = ["TASK_TIMELINE", "project_timeline_entry", "timeline_row"]


def _without_content(recorded: Recorded[TaskEvent]) -> Mapping[str, Any]:
    """Return the event's data; an artifact without its parts, which the detail holds and which may be large."""
    data = recorded.read_data()
    if not isinstance(recorded.event, TaskArtifactAppended):
        return data
    artifact = {name: value for name, value in data["artifact"].items() if name != "parts"}
    return {**data, "artifact": artifact}


def project_timeline_entry(recorded: Recorded[TaskEvent]) -> TaskTimelineEntry:
    """Return the entry that an event makes; its values were validated as the event's: once more would be 3 us."""
    return TaskTimelineEntry.model_construct(
        task_id=recorded.aggregate_id,
        generation=recorded.generation,
        event_id=recorded.event_id,
        type=recorded.type,
        time=recorded.time,
        data=dict(_without_content(recorded)),
    )


def timeline_row(recorded: Recorded[TaskEvent]) -> tuple[object, ...]:
    """Return the row that an event makes, in the order of `task_timeline`."""
    body = render_whole(project_timeline_entry(recorded))
    return (recorded.aggregate_id, recorded.generation, recorded.workspace_id, body)


def _tags(recorded: Recorded[Event]) -> tuple[str, ...]:
    """Name the timeline of the task."""
    return (f"task_timeline/{recorded.aggregate_id}",)


TASK_TIMELINE = Projection(
    name="task_timeline",
    event_types=TASK_EVENT_TYPES,
    tags=_tags,
    rows=(RowTable(table="task_timeline", row=timeline_row),),
)
"""The projection `task_timeline`."""
