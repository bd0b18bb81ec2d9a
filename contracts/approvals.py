"""What is said of approvals: the rules that an agent's policy sets, and how one stands."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import FailFast, Field, StringConstraints, model_validator

from contracts.json_value import JsonValue
from contracts.record import Record

__all__ = [
    "ApprovalRule",
    "ApprovalStatus",
    "ApprovalVote",
    "ApprovedOperation",
    "OperationName",
    "PersonName",
    "RoleName",
]

type OperationName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:/-]+$")]
"""An operation as a worker names it: `payments.refund`."""

type OperationPattern = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:/*-]+$")]
"""An operation, or several: each `*` stands for any text, wherever it is and also for none."""

type RoleName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9_.-]+$")]

type PersonName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ApprovalStatus(StrEnum):
    """How an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ApprovalVote(Record):
    """One person's decision: `by` is the id of the key that it came with."""

    by: str
    decision: Literal["approve", "refuse"]
    reason: str | None = None


class ApprovalRule(Record):
    """Which operations need an approval, who may decide, how many must agree, and until when."""

    operations: Annotated[tuple[OperationPattern, ...], FailFast(), Field(min_length=1, max_length=100)]
    roles: Annotated[tuple[RoleName, ...], FailFast(), Field(max_length=50)] = ()
    people: Annotated[tuple[PersonName, ...], FailFast(), Field(max_length=50)] = ()
    required: Annotated[int, Field(ge=1, le=20, strict=True, description="Approvals that are needed.")] = 1
    refusals: Annotated[int, Field(ge=1, le=20, strict=True, description="Refusals that end it.")] = 1
    expires_in_seconds: Annotated[int, Field(ge=1, le=31_536_000, strict=True)] = 86_400
    on_refusal: Literal["reject", "resume"] = Field(
        default="reject", description="What a refusal or the expiry does to the task: end it, or go on without."
    )

    @model_validator(mode="after")
    def names_somebody(self) -> Self:
        """Refuse a rule under which nobody could decide."""
        if not self.roles and not self.people:
            message = "an approval rule names roles or people who decide"
            raise ValueError(message)
        return self

    @property
    def can_be_decided(self) -> bool:
        """Whether those who are named are enough to approve and to refuse; nobody knows how many have a role."""
        return bool(self.roles) or max(self.required, self.refusals) <= len(set(self.people))

    def covers(self, operation: str) -> bool:
        """Tell whether an operation needs an approval under this rule."""
        return any(_fits(operation, pattern) for pattern in self.operations)


def _fits(operation: str, pattern: str) -> bool:
    """Tell whether an operation is what a pattern says, where each `*` stands for any text; in linear time."""
    first, *others = pattern.split("*")
    if not others:
        return operation == pattern
    *between, last = others
    if len(operation) < len(first) + len(last) or not (operation.startswith(first) and operation.endswith(last)):
        return False
    rest = operation[len(first) : len(operation) - len(last)]
    for part in between:
        _, found, rest = rest.partition(part) if part else ("", "any", rest)
        if not found:
            return False
    return True


class ApprovedOperation(Record):
    """Exactly what is asked for: the operation and its arguments, of one task."""

    task_id: UUID
    agent_id: UUID
    operation: OperationName
    arguments: dict[str, JsonValue]
