"""Budgets, pure: given what happened before, when an event comes, then the budget is this."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from contracts.budgets import BudgetStatus, BudgetWindow
from contracts.events import BudgetChanged, BudgetExhausted, BudgetNearlySpent, BudgetRemoved, BudgetSet, Event
from contracts.views import BudgetDetail
from projectors.projections.budgets import BUDGETS, project_budget
from projectors.projections.rendering import render_whole
from tests.projectors.given import ID, at, fold, recorded

TEN = Decimal("10.00")
SET = BudgetSet(
    budget_id=ID,
    scope="workspace",
    amount=TEN,
    currency="USD",
    window=BudgetWindow.DAY,
    warn_fraction=Decimal("0.8"),
    on_breach="input",
)
WARNED = BudgetNearlySpent(spent=Decimal("8.50"), amount=TEN)
EXHAUSTED = BudgetExhausted(spent=Decimal("10.25"), amount=TEN)


def budget(*events: Event, window: BudgetWindow = BudgetWindow.DAY) -> BudgetDetail:
    return fold(project_budget, [SET.model_copy(update={"window": window}), *events])


def test_a_budget_begins_with_nothing_spent() -> None:
    new = budget()
    assert (new.scope, new.amount, new.spent, new.status) == ("workspace", TEN, Decimal(0), BudgetStatus.ACTIVE)


def test_a_warning_says_what_was_spent_and_when() -> None:
    warned = budget(WARNED)
    assert (warned.status, warned.spent, warned.spent_at) == (BudgetStatus.ACTIVE, Decimal("8.50"), at(2))


@pytest.mark.parametrize(
    ("window", "until"),
    [
        (BudgetWindow.DAY, datetime(2026, 11, 23, tzinfo=UTC)),
        (BudgetWindow.MONTH, datetime(2026, 12, 1, tzinfo=UTC)),
        (BudgetWindow.TOTAL, None),
    ],
)
def test_an_exhausted_budget_says_until_when(window: BudgetWindow, until: datetime | None) -> None:
    spent = budget(WARNED, EXHAUSTED, window=window)
    assert (spent.status, spent.spent, spent.exhausted_until) == (BudgetStatus.EXHAUSTED, Decimal("10.25"), until)


def test_a_warning_in_the_next_window_finds_the_budget_active_again() -> None:
    again = budget(EXHAUSTED, WARNED)
    assert (again.status, again.spent, again.exhausted_until) == (BudgetStatus.ACTIVE, Decimal("8.50"), None)


@pytest.mark.parametrize(
    ("amount", "status"), [(Decimal(20), BudgetStatus.ACTIVE), (Decimal("10.25"), BudgetStatus.EXHAUSTED)]
)
def test_a_budget_is_active_again_where_it_is_raised_above_its_spend(amount: Decimal, status: BudgetStatus) -> None:
    changed = budget(EXHAUSTED, BudgetChanged(amount=amount, on_breach="fail", spent=Decimal("10.25")))
    assert (changed.amount, changed.on_breach, changed.status) == (amount, "fail", status)


def test_a_removed_budget_keeps_its_figures() -> None:
    removed = budget(EXHAUSTED, BudgetRemoved())
    assert (removed.status, removed.spent, removed.generation) == (BudgetStatus.REMOVED, Decimal("10.25"), 3)


def test_a_budget_survives_being_kept_as_json_to_the_cent() -> None:
    kept = budget(EXHAUSTED)
    assert BudgetDetail.model_validate_json(render_whole(kept)) == kept
    assert b'"spent":"10.25"' in render_whole(kept)


def test_every_event_makes_the_budget_and_the_lists_out_of_date() -> None:
    assert BUDGETS.tags(recorded(WARNED, 2)) == (f"budget_detail/{ID}", "budget_list/default")
