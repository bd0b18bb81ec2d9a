"""Budgets: how much the work of a scope may cost."""

from domain.budget.change_budget import ChangeBudget, RemoveBudget
from domain.budget.decide import BudgetCommand, decide_budget, evolve_budget
from domain.budget.record_spend import RecordSpend
from domain.budget.set_budget import SetBudget
from domain.budget.state import Budget, Spend, SpendRecorded, require_unspent_budgets

__all__ = [
    "Budget",
    "BudgetCommand",
    "ChangeBudget",
    "RecordSpend",
    "RemoveBudget",
    "SetBudget",
    "Spend",
    "SpendRecorded",
    "decide_budget",
    "evolve_budget",
    "require_unspent_budgets",
]
