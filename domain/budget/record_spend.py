"""Count what was spent. Real spend is always counted, whatever it breaches."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from contracts.budgets import window_start
from contracts.events import BudgetExhausted, BudgetNearlySpent
from contracts.record import Record
from domain.budget.state import Budget, SpendRecorded, require_budget

__all__ = ["Limits", "RecordSpend", "decide_record_spend", "passed_limits"]


class Limits(NamedTuple):
    """A budget's amount, and the fraction of it from which on it warns."""

    amount: Decimal
    warn_fraction: Decimal


class RecordSpend(Record):
    """Count the cost of one usage report of a task."""

    at: datetime
    task_id: UUID
    cost: Decimal
    currency: str


def decide_record_spend(
    command: RecordSpend, budget: Budget | None
) -> Sequence[SpendRecorded | BudgetNearlySpent | BudgetExhausted]:
    """Return the new spend, and the warning or the breach where this report is the one that brings it.

    Nothing for another currency: amounts of two currencies don't add.
    """
    budget = require_budget(budget)
    if command.currency != budget.currency or not command.cost:
        return []
    before = budget.spent_in_window(command.at)
    spent = before + command.cost
    recorded = SpendRecorded(spent=spent, window_began=window_start(budget.window, command.at))
    return [recorded, *passed_limits(before, spent, Limits(budget.amount, budget.warn_fraction))]


def passed_limits(before: Decimal, spent: Decimal, limits: Limits) -> Sequence[BudgetNearlySpent | BudgetExhausted]:
    """Return the breach, or else the warning, that lies between what was spent before and what is now."""
    if before < limits.amount <= spent:
        return [BudgetExhausted(spent=spent, amount=limits.amount)]
    if before < limits.amount * limits.warn_fraction <= spent < limits.amount:
        return [BudgetNearlySpent(spent=spent, amount=limits.amount)]
    return []
