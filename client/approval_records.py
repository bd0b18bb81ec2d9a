"""What is answered about approvals, as frozen records."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import JsonValue

from client.agent_records import ApprovalRule
from client.content import Message
from client.records import Answer

__all__ = ["Approval", "ApprovalDetail", "ApprovalReceipt", "ApprovalStatus", "ApprovalVote"]

type ApprovalStatus = Literal["pending", "approved", "refused", "expired", "withdrawn", "not_required"]
"""How an approval stands; `not_required` where no rule of the agent's policy covers the operation."""


class ApprovalReceipt(Answer):
    """An approval after a command; where none is required there is no `approval_id`."""

    approval_id: UUID | None
    status: ApprovalStatus
    task_id: UUID
    expires_at: datetime | None = None
    is_used: bool = False
    consistency: str | None = None

    @property
    def is_approved(self) -> bool:
        """Whether the operation may be done: it was approved, or nobody need approve it."""
        return self.status in {"approved", "not_required"}


class ApprovalVote(Answer):
    """One person's decision; `by` is the id of their key."""

    by: str
    decision: Literal["approve", "refuse"]
    reason: str | None = None
    at: datetime


class Approval(Answer):
    """An approval in a list; `approvals` of the `required` votes are there."""

    approval_id: UUID
    task_id: UUID
    agent_id: UUID
    operation: str
    status: ApprovalStatus
    approvals: int
    refusals: int
    required: int
    is_used: bool
    generation: int
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None


class ApprovalDetail(Answer):
    """An approval, whole: exactly what is asked for, who may decide, and who did; `requested_by` is a key's id."""

    approval_id: UUID
    task_id: UUID
    agent_id: UUID
    operation: str
    arguments: dict[str, JsonValue]
    message: Message | None = None
    rule: ApprovalRule
    requested_by: str
    status: ApprovalStatus
    votes: tuple[ApprovalVote, ...]
    is_used: bool
    generation: int
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    used_at: datetime | None = None
