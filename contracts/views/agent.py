"""What queries answer about agents."""

from datetime import datetime
from uuid import UUID

from contracts.a2a import AgentCard
from contracts.agents import AgentPolicy, AgentStatus
from contracts.record import Record

__all__ = ["AgentDetail", "AgentSummary"]


class AgentSummary(Record):
    """An agent in a list."""

    agent_id: UUID
    name: str
    description: str
    status: AgentStatus
    skills: tuple[str, ...]
    generation: int
    registered_at: datetime
    updated_at: datetime


class AgentDetail(Record):
    """An agent, whole; `status_reason` is what was said when it was paused or retired."""

    agent_id: UUID
    workspace_id: str
    name: str
    status: AgentStatus
    status_reason: str | None
    card: AgentCard
    policy: AgentPolicy
    generation: int
    registered_at: datetime
    updated_at: datetime
