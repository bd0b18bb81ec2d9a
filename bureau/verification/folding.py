"""What the rows of an aggregate have to be: its events up to a checkpoint, through the pure functions. Pure."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bureau.verification.differences import Kind
from infrastructure.verification_events import AggregateEvent
from projectors.projections import Projection, Recorded, concerns, leave_out, read_recorded

__all__ = ["Expected", "Opened", "compare_rows", "fold_aggregate", "open_event", "row_table_names"]

type Found = tuple[Kind, str, str]
type Row = tuple[object, ...]
type Rows = Mapping[Row, Row]
"""Rows by key."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An event of the log with what its envelope says, or why that cannot be read."""

    logged: AggregateEvent
    recorded: Recorded[Any] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """The rows of one aggregate by table and key; `problem` says which event could not be taken into them."""

    rows: Mapping[str, dict[Row, Row]]
    problem: str = ""


def row_table_names(projection: Projection) -> list[str]:
    """Return the names of the tables whose rows come from one aggregate each: all but the sums."""
    return [table.table for table in projection.views] + [table.table for table in projection.rows]


def open_event(event: AggregateEvent) -> Opened:
    """Open the envelope of an event."""
    try:
        return Opened(event, read_recorded(event.envelope))
    except ValueError as error:
        return Opened(event, None, f"{type(error).__name__}: {str(error)[:200]}")


def fold_aggregate(
    projection: Projection,
    events: Sequence[Opened],
    checkpoint: int,
    parked: Container[int] = (),
    left_out: Container[int] = (),
) -> Expected:
    """Return the rows that a projection makes of an aggregate's events up to a position, without the parked ones.

    Those left out count as taken, as they do for the projection that was told to skip them. What follows an event that
    cannot be taken is missing: the projection stands there.
    """
    views: dict[str, Any] = {}
    inserted: dict[str, dict[Row, Row]] = {table.table: {} for table in projection.rows}
    problem, last = "", None
    for opened in events:
        if opened.logged.position > checkpoint or opened.logged.position in parked:
            continue
        if not concerns(projection, opened.logged.event_type):
            continue
        if opened.logged.position in left_out:
            views |= {name: leave_out(view, opened.logged.generation) for name, view in views.items() if view}
            continue
        try:
            _take(projection, opened, views, inserted)
        except Exception as error:  # noqa: BLE001 - whatever a projection raises is what it cannot take
            problem = f"{opened.logged.event_type}, version {opened.logged.generation}: {error}"
            break
        last = opened.recorded
    rows: dict[str, dict[Row, Row]] = {table.table: {} for table in projection.views}
    for table in projection.views:
        if last is not None and views.get(table.table) is not None:
            view, key = views[table.table], last.aggregate_id
            rows[table.table][key,] = (key, last.workspace_id, *table.columns(view), table.render(view))
    return Expected({**rows, **inserted}, problem)


def _take(
    projection: Projection, opened: Opened, views: dict[str, Any], inserted: Mapping[str, dict[Row, Row]]
) -> None:
    """Take one event into every table, or into none."""
    recorded = opened.recorded
    if recorded is None:
        raise ValueError(opened.error)
    changed = {table.table: table.project(views.get(table.table), recorded) for table in projection.views}
    added = {table.table: table.row(recorded) for table in projection.rows}
    views.update(changed)
    for name, row in added.items():
        if row is not None:
            inserted[name][row[:2]] = row


def compare_rows(table: str, expected: Rows, found: Rows) -> Iterator[Found]:
    """Say how the rows of a table differ from what they have to be."""
    for key in expected.keys() - found.keys():
        yield Kind.VIEW_MISSING, _named(table, key), "the fold of the log has this row, the read model has not"
    for key in found.keys() - expected.keys():
        yield Kind.VIEW_SURPLUS, _named(table, key), "the read model has this row, the fold of the log has not"
    for key in expected.keys() & found.keys():
        if expected[key] != found[key]:
            yield Kind.VIEW_DIFFERENT, _named(table, key), _first_column(expected[key], found[key])


def _named(table: str, key: Row) -> str:
    return f"{table} {'/'.join(str(part) for part in key)}"


def _first_column(expected: Row, found: Row) -> str:
    """Say which column differs and from where on."""
    for number, (right, wrong) in enumerate(zip(expected, found, strict=True), start=1):
        if right != wrong:
            return f"column {number} is {_clip(wrong, right)}, the fold of the log has {_clip(right, wrong)}"
    return "equal"


def _clip(value: object, other: object) -> str:
    """Return the part of a value where it leaves the other, short enough for a line."""
    if not isinstance(value, bytes) or not isinstance(other, bytes):
        return repr(value)[:120]
    start = next((n for n, (a, b) in enumerate(zip(value, other, strict=False)) if a != b), min(len(value), len(other)))
    part = value[max(0, start - 30) : start + 60].decode(errors="replace")
    return f"…{part}…"
