"""The events of an approval; their subject is `approval/<approval id>`, their root the task that waits for it."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.a2a import Message
from contracts.approvals import ApprovalRule, ApprovalVote
from contracts.events.event import Event
from contracts.json_value import JsonValue

__all__ = [
    "ApprovalEvent",
    "ApprovalExpired",
    "ApprovalGranted",
    "ApprovalRefused",
    "ApprovalRequested",
    "ApprovalUsed",
    "ApprovalVoteCast",
    "ApprovalWithdrawn",
]


class ApprovalRequested(Event):
    """A worker asks to do one operation with the arguments shown; `requested_by` is the id of its key."""

    type: ClassVar[str] = "approval.requested"
    approval_id: UUID
    task_id: UUID
    agent_id: UUID
    operation: str
    arguments: dict[str, JsonValue]
    message: Message | None = None
    rule: ApprovalRule
    expires_at: datetime
    requested_by: str


class ApprovalVoteCast(Event):
    """Somebody who may decide did."""

    type: ClassVar[str] = "approval.vote_cast"
    vote: ApprovalVote


class ApprovalGranted(Event):
    """As many as the rule asks for have approved: the operation may be done once."""

    type: ClassVar[str] = "approval.granted"


class ApprovalRefused(Event):
    """As many as the rule asks for have refused."""

    type: ClassVar[str] = "approval.refused"


class ApprovalExpired(Event):
    """The time was up before it was decided."""

    type: ClassVar[str] = "approval.expired"


class ApprovalWithdrawn(Event):
    """The task ended before it was decided."""

    type: ClassVar[str] = "approval.withdrawn"


class ApprovalUsed(Event):
    """The worker did, or is about to do, what was approved: it will not do it again on this approval."""

    type: ClassVar[str] = "approval.used"


type ApprovalEvent = (
    ApprovalRequested
    | ApprovalVoteCast
    | ApprovalGranted
    | ApprovalRefused
    | ApprovalExpired
    | ApprovalWithdrawn
    | ApprovalUsed
)
