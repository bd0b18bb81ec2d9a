"""One pure `project(view, event)` a read model. Never reads a clock, a socket or a table."""

from projectors.projections.envelopes import read_recorded, read_root, read_unreadable
from projectors.projections.leaving_out import leave_out
from projectors.projections.projection import (
    Addition,
    Projection,
    ProjectionError,
    Recorded,
    RowTable,
    SumTable,
    UnreadableEvent,
    ViewTable,
    concerns,
    table_names,
)
from projectors.projections.registry import PROJECTIONS

__all__ = [
    "PROJECTIONS",
    "Addition",
    "Projection",
    "ProjectionError",
    "Recorded",
    "RowTable",
    "SumTable",
    "UnreadableEvent",
    "ViewTable",
    "concerns",
    "leave_out",
    "read_recorded",
    "read_root",
    "read_unreadable",
    "table_names",
]
