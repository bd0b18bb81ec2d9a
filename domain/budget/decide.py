"""Every command of a budget, who decides it, and its state as the fold of what follows."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, assert_never

from contracts.budgets import BudgetStatus
from contracts.events import (
    BudgetChanged,
    BudgetEvent,
    BudgetExhausted,
    BudgetNearlySpent,
    BudgetRemoved,
    BudgetSet,
)
from domain.budget.change_budget import ChangeBudget, RemoveBudget, decide_change_budget, decide_remove_budget
from domain.budget.record_spend import RecordSpend, decide_record_spend
from domain.budget.set_budget import SetBudget, decide_set_budget
from domain.budget.state import Budget, SpendRecorded, require_budget

__all__ = ["BudgetCommand", "decide_budget", "evolve_budget"]

type BudgetCommand = SetBudget | ChangeBudget | RemoveBudget | RecordSpend


def decide_budget(command: BudgetCommand, budget: Budget | None) -> Sequence[BudgetEvent | SpendRecorded]:
    """Return the events and facts that a command leads to, none where it changes nothing; raises Rejection."""
    match command:
        case SetBudget():
            return decide_set_budget(command, budget)
        case ChangeBudget():
            return decide_change_budget(command, budget)
        case RemoveBudget():
            return decide_remove_budget(command, budget)
        case RecordSpend():
            return decide_record_spend(command, budget)
        case _:
            assert_never(command)


def evolve_budget(budget: Budget | None, change: BudgetEvent | SpendRecorded) -> Budget:
    """Return the state after an event or a fact; only events advance the generation."""
    if isinstance(change, BudgetSet):
        return Budget(
            **change.model_dump(exclude={"spent"}),
            status=BudgetStatus.ACTIVE,
            spent=Decimal(0),
            window_began=None,
            generation=1,
        )
    budget = require_budget(budget)
    if isinstance(change, SpendRecorded):
        is_new_window = change.window_began != budget.window_began
        status = BudgetStatus.ACTIVE if is_new_window else budget.status
        return budget.model_copy(update={"spent": change.spent, "window_began": change.window_began, "status": status})
    return budget.model_copy(update={"generation": budget.generation + 1, **_changes(change)})


def _changes(event: BudgetChanged | BudgetNearlySpent | BudgetExhausted | BudgetRemoved) -> dict[str, Any]:
    """Return the fields that an event changes."""
    match event:
        case BudgetChanged():
            status = BudgetStatus.EXHAUSTED if event.spent >= event.amount else BudgetStatus.ACTIVE
            return {"amount": event.amount, "on_breach": event.on_breach, "status": status}
        case BudgetNearlySpent():
            return {}
        case BudgetExhausted():
            return {"status": BudgetStatus.EXHAUSTED}
        case BudgetRemoved():
            return {"status": BudgetStatus.REMOVED}
        case _:
            assert_never(event)
