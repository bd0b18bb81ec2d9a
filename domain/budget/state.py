"""What must be known of a budget to decide, and the fact that only the aggregate keeps."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import ConfigDict, computed_field

from contracts.amounts import plain_amount
from contracts.budgets import BudgetBreach, BudgetStatus, BudgetWindow, window_end, window_start
from contracts.record import Record
from domain.moments import microseconds
from domain.rejection import Conflict, NotFound

__all__ = ["Budget", "Spend", "SpendRecorded", "require_budget", "require_unspent_budgets"]

_FOR_EVER = 2**62


class Spend(Record):
    """What was spent of a budget without an event, as long as the sum stays below `below` (None: it may be any)."""

    amount: Decimal
    window_began: datetime | None
    below: Decimal | None


class Budget(Record):
    """A budget; `spent` is what was spent since `window_began`. Reads states that hold more than it knows."""

    model_config = ConfigDict(extra="ignore")

    budget_id: UUID
    scope: str
    amount: Decimal
    currency: str
    window: BudgetWindow
    warn_fraction: Decimal
    on_breach: BudgetBreach
    status: BudgetStatus
    spent: Decimal
    window_began: datetime | None
    generation: int

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated properties
    @property
    def exhausted_until(self) -> int | None:
        """Until when nothing of the scope may be leased, in microseconds since 1970; None where work may go on."""
        if self.status is not BudgetStatus.EXHAUSTED:
            return None
        end = window_end(self.window, self.window_began)
        return _FOR_EVER if end is None else microseconds(end)

    def spent_in_window(self, at: datetime) -> Decimal:
        """Return what was spent in the window that a moment lies in."""
        return self.spent if window_start(self.window, at) == self.window_began else Decimal(0)

    def spend_since(self, before: "Budget") -> Spend | None:
        """Return what was spent between two states, None where more than that happened: an event, or a new window."""
        if (self.generation, self.window_began) != (before.generation, before.window_began):
            return None
        thresholds = (self.amount * self.warn_fraction, self.amount)
        below = min((threshold for threshold in thresholds if threshold > self.spent), default=None)
        return Spend(amount=self.spent - before.spent, window_began=self.window_began, below=below)

    def is_exhausted(self, at: datetime) -> bool:
        """Tell whether nothing of the scope may be leased at a moment."""
        return self.status is BudgetStatus.EXHAUSTED and self.spent_in_window(at) >= self.amount


class SpendRecorded(Record):
    """What was spent in a window, the last report included."""

    spent: Decimal
    window_began: datetime | None


def require_budget(budget: Budget | None) -> Budget:
    """Return a budget that is in force; raises NotFound `budget_not_found`."""
    if budget is None or budget.status is BudgetStatus.REMOVED:
        raise NotFound("budget_not_found", "There is no such budget.")
    return budget


def require_unspent_budgets(budgets: tuple[Budget, ...], at: datetime) -> None:
    """Raise Conflict `budget_exhausted` where one of the budgets lets nothing go on."""
    for budget in budgets:
        if budget.is_exhausted(at):
            spent = f"{plain_amount(budget.spent)} of {plain_amount(budget.amount)} {budget.currency}"
            message = f"The budget of {budget.scope} is spent: {spent}."
            raise Conflict("budget_exhausted", message)
