"""Budgets: one row a budget, the same for lists and alone."""

from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never, get_args

from contracts.budgets import BudgetStatus, window_end, window_start
from contracts.events import (
    BudgetChanged,
    BudgetEvent,
    BudgetExhausted,
    BudgetNearlySpent,
    BudgetRemoved,
    BudgetSet,
    Event,
)
from contracts.record import replace_fields
from contracts.views import BudgetDetail
from projectors.projections.expectations import expect_next, expect_nothing
from projectors.projections.projection import Projection, Recorded, ViewTable
from projectors.projections.rendering import render_whole

__all__ = ["BUDGETS", "project_budget"]


def _set(recorded: Recorded[BudgetEvent], event: BudgetSet) -> BudgetDetail:
    """Return a budget as it comes into being; where what counts as spent breaches it, another event says so."""
    return BudgetDetail(
        budget_id=recorded.aggregate_id,
        workspace_id=recorded.workspace_id,
        scope=event.scope,
        amount=event.amount,
        currency=event.currency,
        window=event.window,
        warn_fraction=event.warn_fraction,
        on_breach=event.on_breach,
        status=BudgetStatus.ACTIVE,
        spent=event.spent,
        spent_at=recorded.time,
        exhausted_until=None,
        generation=recorded.generation,
        set_at=recorded.time,
        updated_at=recorded.time,
    )


def _spent(view: BudgetDetail, spent: Decimal, amount: Decimal, at: datetime) -> dict[str, Any]:
    """Return the changes where it is said what was spent of an amount in the window that now lasts."""
    is_exhausted = spent >= amount
    return {
        "amount": amount,
        "spent": spent,
        "spent_at": at,
        "status": BudgetStatus.EXHAUSTED if is_exhausted else BudgetStatus.ACTIVE,
        "exhausted_until": window_end(view.window, window_start(view.window, at)) if is_exhausted else None,
    }


def project_budget(view: BudgetDetail | None, recorded: Recorded[BudgetEvent]) -> BudgetDetail | None:
    """Return the budget after an event."""
    event = recorded.event
    if isinstance(event, BudgetSet):
        expect_nothing(view, recorded)
        return _set(recorded, event)
    current = expect_next(view, recorded)
    changes: dict[str, Any] = {"generation": recorded.generation, "updated_at": recorded.time}
    match event:
        case BudgetChanged():
            changes |= {"on_breach": event.on_breach, **_spent(current, event.spent, event.amount, recorded.time)}
        case BudgetNearlySpent() | BudgetExhausted():
            changes |= _spent(current, event.spent, event.amount, recorded.time)
        case BudgetRemoved():
            changes |= {"status": BudgetStatus.REMOVED, "exhausted_until": None}
        case _:
            assert_never(event)
    return replace_fields(current, changes)


def _tags(recorded: Recorded[Event]) -> tuple[str, ...]:
    """Name the budget and the list that it stands in."""
    return (f"budget_detail/{recorded.aggregate_id}", f"budget_list/{recorded.workspace_id}")


BUDGETS = Projection(
    name="budgets",
    event_types=frozenset(event.type for event in get_args(BudgetEvent.__value__)),
    tags=_tags,
    views=(
        ViewTable(
            table="budgets",
            view=BudgetDetail,
            project=project_budget,
            columns=lambda view: (view.scope, view.status.value),
            render=render_whole,
        ),
    ),
)
"""The projection `budgets`."""
