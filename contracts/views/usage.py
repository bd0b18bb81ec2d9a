"""What queries answer about usage, and the part of it that is kept for each task."""

from decimal import Decimal
from uuid import UUID

from contracts.record import Record
from contracts.usage import UsageTotal

__all__ = ["ModelUsage", "SpentOnModel", "TaskUsage", "UsageFigures"]


class SpentOnModel(Record):
    """What a task reported for one model in one currency; `model` null where the worker named none."""

    model: str | None
    currency: str
    reports: int
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    tool_calls: int
    duration_ms: int
    cost: Decimal


class TaskUsage(Record):
    """One task's part of the figures; the figures of an agent or a context are the sum of such rows."""

    task_id: UUID
    agent_id: UUID
    context_id: str
    generation: int
    spent: tuple[SpentOnModel, ...]


class ModelUsage(Record):
    """What was used of one model; null where workers named none."""

    model: str | None
    reports: int
    usage: UsageTotal


class UsageFigures(Record):
    """What was used by all tasks of the workspace, or by those of one agent, one context or both."""

    agent_id: UUID | None
    context_id: str | None
    tasks: int
    reports: int
    usage: UsageTotal
    by_model: tuple[ModelUsage, ...]
