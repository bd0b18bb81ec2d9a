"""Wait until people have decided whether an operation may be done."""

from datetime import datetime, timedelta
from uuid import UUID

from contracts.a2a import Message
from contracts.approvals import ApprovalRule
from contracts.events import TaskApprovalRequested
from contracts.json_value import JsonValue
from contracts.record import Record
from domain.task.answers import require_new_question
from domain.task.facts import LeaseReleased, WaitBegun
from domain.task.sizes import json_size, message_size, require_worker_room
from domain.task.state import Task, Waiting, require_working_lease

__all__ = ["AwaitApproval", "decide_await_approval"]


class AwaitApproval(Record):
    """Wait for one approval; the lease is given up meanwhile, unless the worker keeps it."""

    at: datetime
    lease_number: int | None
    approval_id: UUID
    operation: str
    rule: ApprovalRule
    keeps_lease: bool
    arguments: dict[str, JsonValue]
    message: Message | None


def decide_await_approval(
    command: AwaitApproval, task: Task | None
) -> list[TaskApprovalRequested | WaitBegun | LeaseReleased]:
    """Return the wait; refused without the lease, or where too much was asked."""
    task = require_working_lease(task, command.lease_number)
    require_new_question(task, command.approval_id)
    size = json_size(command.arguments) + message_size(command.message)
    require_worker_room(task, size)
    expires_at = command.at + timedelta(seconds=command.rule.expires_in_seconds)
    waiting = Waiting(
        kind="approval",
        request_id=command.approval_id,
        expires_at=expires_at,
        keeps_lease=command.keeps_lease,
        ends_task=command.rule.on_refusal == "reject",
    )
    requested = TaskApprovalRequested(
        attempt=task.attempt,
        approval_id=command.approval_id,
        operation=command.operation,
        expires_at=expires_at,
    )
    released = [] if command.keeps_lease else [LeaseReleased()]
    return [requested, WaitBegun(waiting=waiting, at=command.at, size=size), *released]
