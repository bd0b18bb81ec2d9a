"""Given events of one aggregate, what a projection makes of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.events import Event
from projectors.projections import Recorded

__all__ = ["ID", "Project", "at", "bytes_of", "fold", "recorded"]

ID = UUID("0192f0c4-0000-7000-8000-000000000001")


def recorded(event: Event, generation: int) -> Recorded[Any]:
    return Recorded(
        event_id=UUID(int=generation),
        type=event.type,
        time=at(generation),
        generation=generation,
        workspace_id="default",
        aggregate_id=ID,
        event=event,
        read_data=lambda: event.model_dump_json().encode(),
    )


def at(second: int) -> datetime:
    return datetime(2026, 11, 22, 12, 0, second, tzinfo=UTC)


type Project[View] = Callable[[View | None, Recorded[Any]], View | None]


def fold[View](project: Project[View], events: Sequence[Event]) -> View:
    view: View | None = None
    for generation, event in enumerate(events, start=1):
        view = project(view, recorded(event, generation))
    assert view is not None
    return view


def bytes_of(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
