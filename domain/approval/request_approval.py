"""Ask to be allowed one operation."""

from datetime import datetime, timedelta
from uuid import UUID

from contracts.a2a import Message
from contracts.approvals import ApprovalRule
from contracts.events import ApprovalRequested
from contracts.json_value import JsonValue
from contracts.record import Record
from domain.approval.state import Approval
from domain.rejection import Conflict

__all__ = ["RequestApproval", "decide_request_approval"]


class RequestApproval(Record):
    """Ask; `rule` is the first of the agent's rules that covers the operation."""

    at: datetime
    approval_id: UUID
    task_id: UUID
    agent_id: UUID
    operation: str
    arguments: dict[str, JsonValue]
    message: Message | None
    rule: ApprovalRule
    requested_by: str


def decide_request_approval(command: RequestApproval, approval: Approval | None) -> list[ApprovalRequested]:
    """Return the request; refused where the id is taken."""
    if approval is not None:
        raise Conflict("approval_exists", "An approval with this id exists.")
    return [
        ApprovalRequested(
            approval_id=command.approval_id,
            task_id=command.task_id,
            agent_id=command.agent_id,
            operation=command.operation,
            arguments=command.arguments,
            message=command.message,
            rule=command.rule,
            expires_at=command.at + timedelta(seconds=command.rule.expires_in_seconds),
            requested_by=command.requested_by,
        )
    ]
