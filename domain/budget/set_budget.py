"""Give a scope a budget."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contracts.budgets import BudgetBreach, BudgetWindow, window_start
from contracts.events import BudgetExhausted, BudgetNearlySpent, BudgetSet
from contracts.record import Record
from domain.budget.record_spend import Limits, passed_limits
from domain.budget.state import Budget, SpendRecorded
from domain.rejection import Conflict

__all__ = ["SetBudget", "decide_set_budget"]


class SetBudget(Record):
    """Set a budget; that a scope has but one is guarded by the store."""

    at: datetime
    budget_id: UUID
    scope: str
    amount: Decimal
    currency: str
    window: BudgetWindow
    warn_fraction: Decimal
    on_breach: BudgetBreach
    spent: Decimal = Decimal(0)


def decide_set_budget(
    command: SetBudget, budget: Budget | None
) -> Sequence[BudgetSet | SpendRecorded | BudgetNearlySpent | BudgetExhausted]:
    """Return the budget, with what counts as spent already and what that breaches; refused where the id is taken."""
    if budget is not None:
        raise Conflict("budget_exists", "A budget with this id exists.")
    is_set = BudgetSet(**command.model_dump(exclude={"at"}))
    if not command.spent:
        return [is_set]
    recorded = SpendRecorded(spent=command.spent, window_began=window_start(command.window, command.at))
    limits = Limits(command.amount, command.warn_fraction)
    return [is_set, recorded, *passed_limits(Decimal(0), command.spent, limits)]
