"""What queries answer about budgets."""

from datetime import datetime
from uuid import UUID

from contracts.amounts import Amount
from contracts.budgets import BudgetBreach, BudgetStatus, BudgetWindow
from contracts.record import Record

__all__ = ["BudgetDetail"]


class BudgetDetail(Record):
    """A budget, the same in a list and alone.

    `spent` is what it was at `spent_at`: at the last change, warning or breach; the spend between them is in the usage
    figures. `exhausted_until` is when an exhausted budget's window ends and work goes on by itself, null where never.
    """

    budget_id: UUID
    workspace_id: str
    scope: str
    amount: Amount
    currency: str
    window: BudgetWindow
    warn_fraction: Amount
    on_breach: BudgetBreach
    status: BudgetStatus
    spent: Amount
    spent_at: datetime
    exhausted_until: datetime | None
    generation: int
    set_at: datetime
    updated_at: datetime
