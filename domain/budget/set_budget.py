"""Give a scope a budget."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contracts.budgets import BudgetBreach, BudgetWindow
from contracts.events import BudgetSet
from contracts.record import Record
from domain.budget.state import Budget
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


def decide_set_budget(command: SetBudget, budget: Budget | None) -> list[BudgetSet]:
    """Return the budget; refused where the id is taken."""
    if budget is not None:
        raise Conflict("budget_exists", "A budget with this id exists.")
    return [BudgetSet(**command.model_dump(exclude={"at"}))]
