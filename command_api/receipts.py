"""What commands are answered with. Every answer carries the consistency token of what it wrote."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from contracts.a2a import Message, Metadata, TaskState
from contracts.agents import AgentStatus
from contracts.record import Record

__all__ = ["AgentReceipt", "HeartbeatReceipt", "Lease", "LeasesReceipt", "TaskReceipt"]

_CONSISTENCY = Field(
    description="Send it with a query, in the header Bureau-Consistency, to read what this command wrote.",
    examples=["1.3:42"],
)


class AgentReceipt(Record):
    """An agent after a command."""

    agent_id: UUID
    name: str
    status: AgentStatus
    generation: int
    consistency: str = _CONSISTENCY


class TaskReceipt(Record):
    """A task after a command."""

    task_id: UUID
    context_id: str
    agent_id: UUID
    state: TaskState
    generation: int
    attempt: int
    consistency: str = _CONSISTENCY


class HeartbeatReceipt(Record):
    """A renewed lease."""

    task_id: UUID
    state: TaskState
    generation: int
    attempt: int
    lease_expires_at: datetime = Field(description="On the database's clock.")
    consistency: str = _CONSISTENCY


class Lease(Record):
    """A task that is the worker's until the lease runs out."""

    task_id: UUID
    agent_id: UUID
    agent_name: str
    context_id: str
    attempt: int
    max_attempts: int
    generation: int
    priority: int
    lease_token: str = Field(description="Send it in the header Lease-Token with every call about the task.")
    lease_seconds: int
    lease_expires_at: datetime = Field(description="On the database's clock.")
    messages: tuple[Message, ...]
    metadata: Metadata
    reference_task_ids: tuple[str, ...]


class LeasesReceipt(Record):
    """Zero or more leases; `consistency` is null where there is no work."""

    data: tuple[Lease, ...]
    consistency: str | None
