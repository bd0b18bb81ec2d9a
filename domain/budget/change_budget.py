"""Raise or lower a budget, or remove it."""

from datetime import datetime
from decimal import Decimal

from contracts.budgets import BudgetBreach
from contracts.events import BudgetChanged, BudgetRemoved
from contracts.record import Record
from domain.budget.state import Budget, require_budget

__all__ = ["ChangeBudget", "RemoveBudget", "decide_change_budget", "decide_remove_budget"]


class ChangeBudget(Record):
    """Replace those of amount and breach that are given."""

    at: datetime
    amount: Decimal | None
    on_breach: BudgetBreach | None


class RemoveBudget(Record):
    """Take the budget away."""

    at: datetime


def decide_change_budget(command: ChangeBudget, budget: Budget | None) -> list[BudgetChanged]:
    """Return the change, nothing where nothing changes."""
    budget = require_budget(budget)
    amount, on_breach = command.amount or budget.amount, command.on_breach or budget.on_breach
    if (amount, on_breach) == (budget.amount, budget.on_breach):
        return []
    return [BudgetChanged(amount=amount, on_breach=on_breach, spent=budget.spent_in_window(command.at))]


def decide_remove_budget(_command: RemoveBudget, budget: Budget | None) -> list[BudgetRemoved]:
    """Return the removal."""
    require_budget(budget)
    return [BudgetRemoved()]
