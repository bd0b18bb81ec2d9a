"""What is said and answered about agents, as frozen records."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from client.records import Answer

__all__ = [
    "AgentCard",
    "AgentDetail",
    "AgentPolicy",
    "AgentReceipt",
    "AgentRetryPolicy",
    "AgentSkill",
    "AgentSummary",
    "ApprovalRule",
]


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


class AgentRetryPolicy(_Description):
    """How long a task waits before its next attempt: min(cap, base * factor^(attempt - 1)), less a random share.

    The share is up to `jitter` of it. Failures with a code in `never_retried` end the task whatever the worker says.
    """

    base_seconds: float = 1.0
    factor: float = 2.0
    cap_seconds: float = 300.0
    jitter: float = 0.2
    never_retried: tuple[str, ...] = ()


class ApprovalRule(_Description):
    """Which operations need an approval (`payments.*`), by whom (roles, or names of keys), by how many, until when.

    `refusals` end it; `on_refusal` says what a refusal or the expiry does to the task: end it, or go on without.
    """

    operations: tuple[str, ...]
    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    required: int = 1
    refusals: int = 1
    expires_in_seconds: int = 86_400
    on_refusal: Literal["reject", "resume"] = "reject"


class AgentPolicy(_Description):
    """The rules under which an agent's tasks are worked on.

    A task keeps `max_attempts`, `retry` and `attempt_seconds` of its submission; the others hold as they are today.
    `attempt_seconds` bounds one attempt, `max_concurrent_tasks` how many tasks of the agent are leased at a time; of
    `approvals` the first rule that covers an operation counts.
    """

    lease_seconds: int = 60
    max_attempts: int = 3
    retry: AgentRetryPolicy = AgentRetryPolicy()
    attempt_seconds: int | None = None
    max_concurrent_tasks: int | None = None
    approvals: tuple[ApprovalRule, ...] = ()


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
