"""What is answered about budgets, as frozen records."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from client.records import Answer

__all__ = ["Budget", "BudgetBreach", "BudgetReceipt", "BudgetWindow"]

type BudgetWindow = Literal["total", "day", "month"]
"""Over which time spend is added up; days and months are UTC's."""

type BudgetBreach = Literal["input", "fail"]
"""What a breach does to the task whose report it was: wait for a person, or fail."""


class Budget(Answer):
    """A budget; `spent` since its window began, `status` active, exhausted or removed."""

    budget_id: UUID
    scope: str
    amount: Decimal
    currency: str
    window: BudgetWindow
    on_breach: BudgetBreach
    status: str
    spent: Decimal
    generation: int


class BudgetReceipt(Budget):
    """A budget after a command."""

    consistency: str | None = None
