"""Every command of an approval, and who decides it."""

from collections.abc import Sequence
from typing import assert_never

from contracts.events import ApprovalEvent
from domain.approval.cast_vote import CastVote, decide_cast_vote
from domain.approval.close_approval import CloseApproval, decide_close_approval
from domain.approval.request_approval import RequestApproval, decide_request_approval
from domain.approval.state import Approval
from domain.approval.use_approval import UseApproval, decide_use_approval

__all__ = ["ApprovalCommand", "decide_approval"]

type ApprovalCommand = RequestApproval | CastVote | CloseApproval | UseApproval


def decide_approval(command: ApprovalCommand, approval: Approval | None) -> Sequence[ApprovalEvent]:
    """Return the events that a command leads to, none where it changes nothing; raises Rejection."""
    match command:
        case RequestApproval():
            return decide_request_approval(command, approval)
        case CastVote():
            return decide_cast_vote(command, approval)
        case CloseApproval():
            return decide_close_approval(command, approval)
        case UseApproval():
            return decide_use_approval(command, approval)
        case _:
            assert_never(command)
