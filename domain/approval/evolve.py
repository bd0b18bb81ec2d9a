"""An approval's state as the fold of its events."""

from typing import Any, assert_never

from contracts.approvals import ApprovalStatus
from contracts.events import (
    ApprovalEvent,
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalUsed,
    ApprovalVoteCast,
    ApprovalWithdrawn,
)
from domain.approval.state import Approval, require_approval

__all__ = ["evolve_approval"]


def evolve_approval(approval: Approval | None, event: ApprovalEvent) -> Approval:
    """Return the state after an event."""
    if isinstance(event, ApprovalRequested):
        return Approval(
            approval_id=event.approval_id,
            task_id=event.task_id,
            operation=event.operation,
            arguments=event.arguments,
            rule=event.rule,
            expires_at=event.expires_at,
            requested_by=event.requested_by,
            status=ApprovalStatus.PENDING,
            votes=(),
            is_used=False,
            generation=1,
        )
    approval = require_approval(approval)
    return approval.model_copy(update={"generation": approval.generation + 1, **_changes(approval, event)})


def _changes(
    approval: Approval,
    event: ApprovalVoteCast | ApprovalGranted | ApprovalRefused | ApprovalExpired | ApprovalWithdrawn | ApprovalUsed,
) -> dict[str, Any]:
    """Return the fields that an event changes."""
    match event:
        case ApprovalVoteCast():
            return {"votes": (*approval.votes, event.vote)}
        case ApprovalGranted():
            return {"status": ApprovalStatus.APPROVED}
        case ApprovalRefused():
            return {"status": ApprovalStatus.REFUSED}
        case ApprovalExpired():
            return {"status": ApprovalStatus.EXPIRED}
        case ApprovalWithdrawn():
            return {"status": ApprovalStatus.WITHDRAWN}
        case ApprovalUsed():
            return {"is_used": True}
        case _:
            assert_never(event)
