"""What is answered about approvals, as frozen records."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import JsonValue

from client.content import Message
from client.records import Answer

__all__ = ["Approval", "ApprovalReceipt", "ApprovalStatus", "ApprovalVote"]

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
    time: datetime | None = None


class Approval(Answer):
    """An approval as queries show it: exactly what is asked for, how many must agree, and who has voted."""

    approval_id: UUID
    task_id: UUID
    agent_id: UUID
    operation: str
    arguments: dict[str, JsonValue] | None = None
    message: Message | None = None
    status: ApprovalStatus
    required: int = 1
    votes: tuple[ApprovalVote, ...] = ()
    is_used: bool = False
    requested_by: str | None = None
    requested_at: datetime | None = None
    expires_at: datetime
