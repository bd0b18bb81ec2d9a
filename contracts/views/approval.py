"""What queries answer about approvals."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.a2a import Message
from contracts.approvals import ApprovalRule, ApprovalStatus
from contracts.json_value import JsonValue
from contracts.record import Record

__all__ = ["ApprovalDetail", "ApprovalSummary", "ApprovalVoteView"]


class ApprovalVoteView(Record):
    """One person's decision: `by` is the id of the key that it came with."""

    by: str
    decision: Literal["approve", "refuse"]
    reason: str | None = None
    time: datetime


class ApprovalSummary(Record):
    """An approval in a list; `approvals` of the `required` votes are there, `decided_at` is also that of an expiry."""

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
    decided_at: datetime | None


class ApprovalDetail(Record):
    """An approval, whole: exactly what is asked for, who may decide, and who did; `requested_by` is a key's id."""

    approval_id: UUID
    workspace_id: str
    task_id: UUID
    agent_id: UUID
    operation: str
    arguments: dict[str, JsonValue]
    message: Message | None
    rule: ApprovalRule
    requested_by: str
    status: ApprovalStatus
    required: int
    votes: tuple[ApprovalVoteView, ...]
    is_used: bool
    generation: int
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    used_at: datetime | None
    updated_at: datetime
