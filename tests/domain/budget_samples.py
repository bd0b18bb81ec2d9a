"""Budgets and their commands with everything filled in."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contracts.budgets import BudgetWindow, window_start
from contracts.events import BudgetExhausted, BudgetSet
from domain.budget import Budget, ChangeBudget, RecordSpend, SpendRecorded, evolve_budget
from tests.domain.samples import NOON, TASK_ID

__all__ = ["BUDGET_ID", "budget", "budget_set", "change", "spend", "spent_budget"]

BUDGET_ID = UUID("01a1ff4e-7a00-7000-8000-0000000000b1")

_SET = BudgetSet(
    budget_id=BUDGET_ID,
    scope="workspace",
    amount=Decimal(10),
    currency="USD",
    window=BudgetWindow.TOTAL,
    warn_fraction=Decimal("0.8"),
    on_breach="input",
)


def budget_set(**changes: object) -> BudgetSet:
    """Return that ten dollars were set for the workspace, for ever."""
    return BudgetSet.model_validate(_SET.model_dump() | changes)


def budget(**changes: object) -> Budget:
    return evolve_budget(None, budget_set(**changes))


def spent_budget(spent: str = "12", at: datetime = NOON, **changes: object) -> Budget:
    """Return a budget of which so much was spent in the window of a moment, in the report that breached it."""
    fresh = budget(**changes)
    recorded = SpendRecorded(spent=Decimal(spent), window_began=window_start(fresh.window, at))
    return evolve_budget(evolve_budget(fresh, recorded), BudgetExhausted(spent=Decimal(spent), amount=fresh.amount))


def spend(cost: str, at: datetime = NOON, currency: str = "USD") -> RecordSpend:
    return RecordSpend(at=at, task_id=TASK_ID, cost=Decimal(cost), currency=currency)


def change(amount: str | None = None, at: datetime = NOON, **changes: object) -> ChangeBudget:
    amount_or_none = None if amount is None else Decimal(amount)
    return ChangeBudget(at=at, amount=amount_or_none, on_breach=None).model_copy(update=changes)
