"""What is answered about budgets and about what was used, as frozen records."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from client.content import TaskState
from client.records import Answer, UsageTotal

__all__ = [
    "Budget",
    "BudgetBreach",
    "BudgetReceipt",
    "BudgetStatus",
    "BudgetWindow",
    "ContextSummary",
    "ModelUsage",
    "UsageFigures",
]

type BudgetWindow = Literal["total", "day", "month"]
"""Over which time spend is added up; days and months are UTC's."""

type BudgetBreach = Literal["input", "fail"]
"""What a breach does to the task whose report it was: wait for a person, or fail."""


type BudgetStatus = Literal["active", "exhausted", "removed"]
"""Whether a budget still lets work go on."""


class Budget(Answer):
    """A budget; `spent` in its window, as of its last change, warning or breach."""

    budget_id: UUID
    scope: str
    amount: Decimal
    currency: str
    window: BudgetWindow
    on_breach: BudgetBreach
    status: BudgetStatus
    spent: Decimal
    generation: int


class BudgetReceipt(Budget):
    """A budget after a command."""

    consistency: str | None = None


class ModelUsage(Answer):
    """What was used of one model; `model` is None where workers named none."""

    model: str | None
    reports: int
    usage: UsageTotal


class UsageFigures(Answer):
    """What was used by all tasks of the workspace, or by those of one agent, one context or both."""

    agent_id: UUID | None = None
    context_id: str | None = None
    tasks: int
    reports: int
    usage: UsageTotal
    by_model: tuple[ModelUsage, ...] = ()


class ContextSummary(Answer):
    """How the tasks of a context stand; `by_state` leaves out states without tasks."""

    context_id: str
    tasks: int
    by_state: dict[TaskState, int]
    first_submitted_at: datetime
    last_submitted_at: datetime
