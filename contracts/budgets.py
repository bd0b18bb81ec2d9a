"""What is said of budgets: what they bound, over which window, and what a breach does."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from contracts.usage import require_plain_amount

__all__ = [
    "BudgetAmount",
    "BudgetBreach",
    "BudgetScope",
    "BudgetSpent",
    "BudgetStatus",
    "BudgetWindow",
    "window_end",
    "window_start",
]

type BudgetScope = Annotated[
    str,
    StringConstraints(max_length=140, pattern=r"^(workspace|(agent|task):[0-9a-f-]{36}|context:[\x21-\x7e]{1,128})$"),
]
"""What a budget bounds: `workspace`, `agent:<id>`, `context:<id>` or `task:<id>`."""

type BudgetAmount = Annotated[
    Decimal, BeforeValidator(require_plain_amount), Field(gt=0, max_digits=18, decimal_places=9)
]
type BudgetSpent = Annotated[
    Decimal, BeforeValidator(require_plain_amount), Field(ge=0, max_digits=18, decimal_places=9)
]
type BudgetBreach = Literal["input", "fail"]
"""What a breach does to the task whose report it was: wait for a person, or fail."""


class BudgetWindow(StrEnum):
    """Over which time spend is added up; days and months are UTC's."""

    TOTAL = "total"
    DAY = "day"
    MONTH = "month"


class BudgetStatus(StrEnum):
    """Whether a budget still lets work go on."""

    ACTIVE = "active"
    EXHAUSTED = "exhausted"
    REMOVED = "removed"


def window_start(window: BudgetWindow, at: datetime) -> datetime | None:
    """Return when the window that a moment (UTC) lies in began; None where there is but one."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    match window:
        case BudgetWindow.TOTAL:
            return None
        case BudgetWindow.DAY:
            return midnight
        case BudgetWindow.MONTH:
            return midnight.replace(day=1)


def window_end(window: BudgetWindow, start: datetime | None) -> datetime | None:
    """Return when a window is over; None where it never is."""
    if start is None or window is BudgetWindow.TOTAL:
        return None
    if window is BudgetWindow.DAY:
        return start + timedelta(days=1)
    return (start + timedelta(days=32)).replace(day=1)
