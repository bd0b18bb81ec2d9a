"""What commands are answered with. Every answer carries the consistency token of what it wrote."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from contracts.a2a import Message, Metadata, TaskState
from contracts.agents import AgentStatus
from contracts.amounts import Amount
from contracts.approvals import ApprovalStatus
from contracts.budgets import BudgetBreach, BudgetStatus, BudgetWindow
from contracts.record import Record

__all__ = [
    "AgentReceipt",
    "AnswerNote",
    "ApprovalReceipt",
    "BatchError",
    "BatchItem",
    "BatchReceipt",
    "BudgetNotice",
    "BudgetReceipt",
    "CanceledReceipt",
    "DeadLetterReceipt",
    "HeartbeatReceipt",
    "InputReceipt",
    "Lease",
    "LeasesReceipt",
    "ResumedReceipt",
    "TaskOutcome",
    "TaskReceipt",
]

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


class TaskOutcome(Record):
    """How a command left a task."""

    task_id: UUID
    context_id: str
    agent_id: UUID
    state: TaskState
    generation: int
    attempt: int


class TaskReceipt(TaskOutcome):
    """A task after a command."""

    consistency: str = _CONSISTENCY


class BatchError(Record):
    """Why one task of a batch was refused."""

    code: str
    message: str


class BudgetNotice(Record):
    """A budget that is nearly spent, or spent."""

    scope: str
    amount: Amount
    spent: Amount
    currency: str


class AnswerNote(Record):
    """Which of the messages answered what: a question (by its `request_id`) or an approval (by its id)."""

    request_id: UUID
    kind: Literal["input", "approval"]
    ordinal: int = Field(description="The place of the message among the task's messages, from 1.")
    is_default: bool = Field(default=False, description="Nobody answered in time: the default did.")
    status: ApprovalStatus | None = Field(default=None, description="How an approval was decided.")


class HeartbeatReceipt(Record):
    """A renewed lease."""

    task_id: UUID
    state: TaskState
    generation: int
    attempt: int
    lease_expires_at: datetime = Field(description="On the database's clock.")
    attempt_ends_at: datetime | None = Field(description="When the attempt will have lasted as long as it may.")
    deadline: datetime | None
    last_message: int = Field(description="Ordinal of the task's last message; send it back as `received`.")
    budgets: tuple[BudgetNotice, ...] = Field(description="Those over the task that are nearly spent.")
    messages: tuple[Message, ...] = Field(description="Those behind `received`, in order; none where it was left out.")
    answers: tuple[AnswerNote, ...] = Field(description="Those of the messages that answer something.")
    consistency: str = _CONSISTENCY


class InputReceipt(TaskReceipt):
    """A task that waits for an answer."""

    request_id: UUID


class ApprovalReceipt(Record):
    """An approval after a command; without a rule that covers the operation there is none, and none is needed."""

    approval_id: UUID | None
    status: ApprovalStatus | Literal["not_required"]
    task_id: UUID
    expires_at: datetime | None
    is_used: bool
    consistency: str | None


class BudgetReceipt(Record):
    """A budget after a command."""

    budget_id: UUID
    scope: str
    amount: Amount
    currency: str
    window: BudgetWindow
    on_breach: BudgetBreach
    status: BudgetStatus
    spent: Amount = Field(description="Since the window began.")
    generation: int
    consistency: str = _CONSISTENCY


class BatchItem(Record):
    """What became of one task of a batch: how it stands, or why it was refused."""

    task: TaskOutcome | None = None
    error: BatchError | None = None


class BatchReceipt(Record):
    """The answer to a batch, item by item in the order of the request."""

    data: tuple[BatchItem, ...]
    consistency: str | None


class CanceledReceipt(Record):
    """Which tasks a bulk cancellation ended."""

    canceled: tuple[UUID, ...]
    consistency: str | None


class ResumedReceipt(Record):
    """Which tasks go on that a budget had stopped."""

    resumed: tuple[UUID, ...]
    consistency: str | None


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
    deadline: datetime | None
    last_message: int = Field(description="Ordinal of the last of the messages; send it with heartbeats as `received`.")
    lease_seconds: int
    lease_expires_at: datetime = Field(description="On the database's clock.")
    messages: tuple[Message, ...]
    answers: tuple[AnswerNote, ...] = Field(description="Those of the messages that answer something, in order.")
    metadata: Metadata
    reference_task_ids: tuple[str, ...]


class LeasesReceipt(Record):
    """Zero or more leases; `consistency` is null where there is no work."""

    data: tuple[Lease, ...]
    consistency: str | None


class DeadLetterReceipt(Record):
    """What was asked of a dead letter and what became of it."""

    request_id: UUID
    dead_letter_id: UUID
    action: Literal["retry", "skip"]
    outcome: Literal["released", "failed_again", "refused"] | None = Field(
        description="released: nothing waits any more. Null: no projector has done it yet.", examples=["released"]
    )
    applied: int = Field(description="Events that took effect.", examples=[3])
    error: str | None = Field(description="Why an event failed again, or why it was refused.", examples=[None])
    consistency: str | None = Field(description="Always null: nothing is written to the log.", examples=[None])
