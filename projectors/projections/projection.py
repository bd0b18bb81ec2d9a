"""What a projection is: events in, rows out. Pure; the service around it loads and saves.

A projection is the unit of progress: its tables and its checkpoints move in one transaction. Of each there may be
several versions (`infrastructure.read_versions`): the same functions, other tables.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from contracts.events import EVENT_TYPES, Event
from contracts.record import Record

__all__ = [
    "Addition",
    "Projection",
    "ProjectionError",
    "Recorded",
    "RowTable",
    "SumTable",
    "UnreadableEvent",
    "ViewTable",
    "concerns",
    "table_names",
]


class UnreadableEvent(Event):
    """Stands for an event whose type or data nobody here knows."""

    type: ClassVar[str] = "unreadable"


class ProjectionError(ValueError):
    """An event does not follow from what the read model holds: something before it is missing or came twice."""


class Recorded[AnyEvent: Event](NamedTuple):
    """An event as it was recorded, in the newest schema; `generation` is its aggregate's version.

    `read_data` returns the event as JSON; few need that.
    """

    event_id: UUID
    type: str
    time: datetime
    generation: int
    workspace_id: str
    aggregate_id: UUID
    event: AnyEvent
    read_data: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class ViewTable[View: Record, AnyEvent: Event]:
    """A table with one row an aggregate: load → project → save.

    A row is the key, the workspace, `columns(view)` and `render(view)`, in the order of the table's columns.
    """

    table: str
    view: type[View]
    project: Callable[[View | None, Recorded[AnyEvent]], View | None]
    columns: Callable[[View], tuple[object, ...]]
    render: Callable[[View], bytes]


@dataclass(frozen=True, slots=True)
class RowTable[AnyEvent: Event]:
    """A table that is only inserted into: `row` returns an event's row in the order of the table's columns, or None."""

    table: str
    row: Callable[[Recorded[AnyEvent]], tuple[object, ...] | None]


class Addition(NamedTuple):
    """What an event adds to one row of sums, which begins with nothing: the row's key and the amounts."""

    key: tuple[object, ...]
    amounts: tuple[int | Decimal, ...]


@dataclass(frozen=True, slots=True)
class SumTable[AnyEvent: Event]:
    """A table of sums over many roots, in one partial row a key and shard, to which events add without loading it.

    The columns are the key's, the shard and the amounts; the primary key is that of key and shard.
    """

    table: str
    add: Callable[[Recorded[AnyEvent]], Iterable[Addition]]


@dataclass(frozen=True, slots=True)
class Projection:
    """Tables that move together. `tags` names the cached answers that an event makes out of date.

    It also gets events that are parked instead of applied, as `UnreadableEvent` where only their envelope can be read.
    """

    name: str
    event_types: frozenset[str]
    tags: Callable[[Recorded[Event]], tuple[str, ...]]
    views: tuple[ViewTable[Any, Any], ...] = ()
    rows: tuple[RowTable[Any], ...] = ()
    sums: tuple[SumTable[Any], ...] = ()


def table_names(projection: Projection) -> tuple[str, ...]:
    """Return the names of a projection's tables, without the schema of a version."""
    views = (table.table for table in projection.views)
    return (*views, *(table.table for table in projection.rows), *(table.table for table in projection.sums))


def concerns(projection: Projection, event_type: str) -> bool:
    """Tell whether a projection has to look at an event; a type that nobody knows concerns everybody."""
    return event_type in projection.event_types or event_type not in EVENT_TYPES
