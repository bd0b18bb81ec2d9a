"""The events of a budget; their subject is `budget/<budget id>`. Spend itself is in the tasks' usage reports."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from contracts.amounts import Amount
from contracts.budgets import BudgetBreach, BudgetWindow
from contracts.events.event import Event

__all__ = ["BudgetChanged", "BudgetEvent", "BudgetExhausted", "BudgetNearlySpent", "BudgetRemoved", "BudgetSet"]


class BudgetSet(Event):
    """A scope has a budget from now on; of what was spent before only `spent` counts, in the window that lasts."""

    type: ClassVar[str] = "budget.set"
    budget_id: UUID
    scope: str
    amount: Amount
    currency: str
    window: BudgetWindow
    warn_fraction: Amount
    on_breach: BudgetBreach
    spent: Amount = Decimal(0)


class BudgetChanged(Event):
    """Amount and breach are from now on as they stand here; a budget that is raised above its spend is active again."""

    type: ClassVar[str] = "budget.changed"
    amount: Amount
    on_breach: BudgetBreach
    spent: Amount


class BudgetNearlySpent(Event):
    """A report went past the warning, in this window for the first time."""

    type: ClassVar[str] = "budget.nearly_spent"
    spent: Amount
    amount: Amount


class BudgetExhausted(Event):
    """A report reached the amount or went past it: nothing of the scope is leased any more in this window."""

    type: ClassVar[str] = "budget.exhausted"
    spent: Amount
    amount: Amount


class BudgetRemoved(Event):
    """The scope has no budget any more."""

    type: ClassVar[str] = "budget.removed"


type BudgetEvent = BudgetSet | BudgetChanged | BudgetNearlySpent | BudgetExhausted | BudgetRemoved
