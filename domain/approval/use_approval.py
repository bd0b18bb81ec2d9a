"""Make use of an approval, once."""

from datetime import datetime
from uuid import UUID

from contracts.approvals import ApprovalStatus
from contracts.events import ApprovalUsed
from contracts.json_value import JsonValue
from contracts.record import Record
from domain.approval.state import Approval, require_approval
from domain.rejection import Conflict

__all__ = ["UseApproval", "decide_use_approval"]


class UseApproval(Record):
    """Say that the operation is about to be done, with exactly these arguments, for this task."""

    at: datetime
    task_id: UUID
    operation: str
    arguments: dict[str, JsonValue]


def decide_use_approval(command: UseApproval, approval: Approval | None) -> list[ApprovalUsed]:
    """Return the use; refused where it is for something else, was not approved, or was used."""
    approval = require_approval(approval)
    is_same = (command.task_id, command.operation) == (approval.task_id, approval.operation)
    if not is_same or not _is_same_json(command.arguments, approval.arguments):
        raise Conflict("other_operation", "The approval covers another task, operation or other arguments.")
    if approval.status is not ApprovalStatus.APPROVED:
        raise Conflict("not_approved", f"The approval is {approval.status}.")
    if approval.is_used:
        raise Conflict("approval_used", "The approval was used: it covers the operation once.")
    return [ApprovalUsed()]


def _is_same_json(left: JsonValue, right: JsonValue) -> bool:
    """Tell whether two values are the same JSON: to Python true is 1, to whoever approved it is not."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_is_same_json(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_same_json, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right
