"""What queries answer about usage."""

from uuid import UUID

from contracts.record import Record
from contracts.usage import UsageTotal

__all__ = ["ModelUsage", "UsageFigures"]


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
