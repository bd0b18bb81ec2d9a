"""What must be known of an approval to decide."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict

from contracts.approvals import ApprovalRule, ApprovalStatus, ApprovalVote
from contracts.json_value import JsonValue
from contracts.record import Record
from domain.rejection import Conflict, NotFound

__all__ = ["Approval", "require_approval", "require_pending_approval"]


class Approval(Record):
    """An approval; it covers exactly `operation` with `arguments`, for its task, once.

    Reads states that hold more than it knows.
    """

    model_config = ConfigDict(extra="ignore")

    approval_id: UUID
    task_id: UUID
    operation: str
    arguments: dict[str, JsonValue]
    rule: ApprovalRule
    expires_at: datetime
    requested_by: str
    status: ApprovalStatus
    votes: tuple[ApprovalVote, ...]
    is_used: bool
    generation: int


def require_approval(approval: Approval | None) -> Approval:
    """Return the approval; raises NotFound `approval_not_found`."""
    if approval is None:
        raise NotFound("approval_not_found", "There is no such approval.")
    return approval


def require_pending_approval(approval: Approval | None) -> Approval:
    """Return an approval that is not decided yet; raises NotFound, or Conflict `approval_decided`."""
    approval = require_approval(approval)
    if approval.status is not ApprovalStatus.PENDING:
        raise Conflict("approval_decided", f"The approval is {approval.status}: that is final.")
    return approval
