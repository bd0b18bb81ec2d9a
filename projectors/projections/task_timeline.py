"""The visible changes of a task, one row an event."""

from typing import Final

from pydantic_core import from_json, to_json

from contracts.events import Event, TaskArtifactAppended, TaskEvent
from contracts.views import TaskTimelineEntry
from projectors.projections.projection import Projection, Recorded, RowTable
from projectors.projections.task_events import TASK_EVENT_TYPES

__all__ = ["TASK_TIMELINE", "timeline_row"]

_DATA: Final = {"data"}


def _without_content(recorded: Recorded[TaskEvent]) -> bytes:
    """Return the event's data; an artifact without its parts, which the detail holds and which may be large."""
    data = recorded.read_data()
    if not isinstance(recorded.event, TaskArtifactAppended):
        return data
    content = from_json(data)
    content["artifact"].pop("parts", None)
    return to_json(content)


def _render_entry(recorded: Recorded[TaskEvent]) -> bytes:
    """Return the JSON of the `TaskTimelineEntry` that an event makes; its data are set in as they are."""
    entry = TaskTimelineEntry.model_construct(
        task_id=recorded.aggregate_id,
        generation=recorded.generation,
        event_id=recorded.event_id,
        type=recorded.type,
        time=recorded.time,
        data={},
    )
    head = entry.model_dump_json(exclude=_DATA).encode()
    return b'%b,"data":%b}' % (head[:-1], _without_content(recorded))


def timeline_row(recorded: Recorded[TaskEvent]) -> tuple[object, ...]:
    """Return the row that an event makes, in the order of `task_timeline`."""
    return (recorded.aggregate_id, recorded.generation, recorded.workspace_id, _render_entry(recorded))


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
