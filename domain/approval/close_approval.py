"""Close an approval that nobody will decide any more."""

from datetime import datetime
from typing import Literal

from contracts.approvals import ApprovalStatus
from contracts.events import ApprovalExpired, ApprovalWithdrawn
from contracts.record import Record
from domain.approval.state import Approval, require_approval

__all__ = ["CloseApproval", "decide_close_approval"]


class CloseApproval(Record):
    """Close, since the time is up or the task has ended."""

    at: datetime
    why: Literal["expired", "withdrawn"]


def decide_close_approval(
    command: CloseApproval, approval: Approval | None
) -> list[ApprovalExpired | ApprovalWithdrawn]:
    """Return the end of it, nothing where it was decided before."""
    if require_approval(approval).status is not ApprovalStatus.PENDING:
        return []
    return [ApprovalExpired() if command.why == "expired" else ApprovalWithdrawn()]
