"""What is said and answered about agents, as frozen records."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from client.records import Answer

__all__ = ["AgentCard", "AgentDetail", "AgentPolicy", "AgentReceipt", "AgentSkill", "AgentSummary"]


class _Description(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class AgentSkill(_Description):
    """One thing that an agent knows how to do."""

    id: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    input_modes: tuple[str, ...] = ()
    output_modes: tuple[str, ...] = ()


class AgentCard(_Description):
    """What an agent says of itself; the other fields of A2A's card may be given too."""

    description: str = ""
    version: str = "1"
    default_input_modes: tuple[str, ...] = ("text/plain",)
    default_output_modes: tuple[str, ...] = ("text/plain",)
    skills: tuple[AgentSkill, ...] = ()


class AgentPolicy(_Description):
    """The rules under which an agent's tasks are worked on."""

    lease_seconds: int = 60
    max_attempts: int = 3


class AgentReceipt(Answer):
    """A command about an agent was committed."""

    agent_id: UUID
    name: str
    status: str
    generation: int
    consistency: str | None = None


class AgentSummary(Answer):
    """An agent in a list; `skills` holds names."""

    agent_id: UUID
    name: str
    description: str = ""
    status: str
    skills: tuple[str, ...] = ()
    generation: int
    registered_at: datetime
    updated_at: datetime


class AgentDetail(Answer):
    """An agent, whole."""

    agent_id: UUID
    name: str
    status: str
    status_reason: str | None = None
    card: AgentCard
    policy: AgentPolicy
    generation: int
    registered_at: datetime
    updated_at: datetime
