"""The events of a task that waits for people: what it waits for, and what came of that."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.a2a import Message
from contracts.approvals import ApprovalStatus
from contracts.events.event import Event
from contracts.json_value import JsonValue

__all__ = ["TaskApprovalRequested", "TaskApprovalResolved", "TaskInputProvided", "TaskInputRequested"]


class TaskInputRequested(Event):
    """The worker asks a person; the state is input_required until the answer, `expires_at` or the end.

    `answer_schema` is a JSON Schema (2020-12) for the answer's data, where the worker wants data.
    """

    type: ClassVar[str] = "task.input_requested"
    attempt: int
    request_id: UUID
    message: Message
    answer_schema: dict[str, JsonValue] | None = None
    expires_at: datetime | None = None
    keeps_lease: bool


class TaskInputProvided(Event):
    """A person answered, or the default did after `expires_at`; the state is working again.

    `ordinal` counts it among the messages to the worker.
    """

    type: ClassVar[str] = "task.input_provided"
    request_id: UUID
    ordinal: int
    message: Message
    is_default: bool


class TaskApprovalRequested(Event):
    """The worker asks to be allowed an operation; the state is auth_required until that is decided."""

    type: ClassVar[str] = "task.approval_requested"
    attempt: int
    approval_id: UUID
    operation: str
    expires_at: datetime


class TaskApprovalResolved(Event):
    """It is decided, or will not be any more; where the task goes on, the state is working again.

    `ordinal` counts what the worker is told of it among its messages.
    """

    type: ClassVar[str] = "task.approval_resolved"
    approval_id: UUID
    ordinal: int
    status: ApprovalStatus
    message: Message
