"""What every view relies on: its aggregate's events come one after the other, from the first."""

from typing import Any, Protocol

from projectors.projections.projection import ProjectionError, Recorded

__all__ = ["expect_next", "expect_nothing"]


class _Versioned(Protocol):
    """A view that knows its aggregate's version."""

    @property
    def generation(self) -> int: ...


def expect_nothing(view: _Versioned | None, recorded: Recorded[Any]) -> None:
    """Raise ProjectionError where the first event of an aggregate finds a view."""
    if view is not None:
        raise ProjectionError(f"{recorded.type} on {recorded.aggregate_id}, which is there at {view.generation}")


def expect_next[View: _Versioned](view: View | None, recorded: Recorded[Any]) -> View:
    """Return the view that an event follows on; raises ProjectionError where it is missing or at another version."""
    if view is None:
        raise ProjectionError(f"{recorded.type} on {recorded.aggregate_id}, which is not there")
    if recorded.generation != view.generation + 1:
        where = f"{recorded.aggregate_id}, which is at {view.generation}"
        raise ProjectionError(f"{recorded.type} is generation {recorded.generation} of {where}")
    return view
