"""The bodies that clients send commands with. Unknown fields are refused."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
)

from command_api.body_types import AgentReference, Moment, NormalisedName, Reason, UserMessage
from contracts.a2a import AgentCard, Identifier, Metadata
from contracts.agents import AgentPolicy
from contracts.budgets import BudgetAmount, BudgetBreach, BudgetScope, BudgetSpent, BudgetWindow
from contracts.record import Record

__all__ = [
    "BatchBody",
    "BulkCancelBody",
    "ChangeBudgetBody",
    "DecisionBody",
    "InputBody",
    "MessageBody",
    "ReasonBody",
    "RegisterAgentBody",
    "ResumeTasksBody",
    "SetBudgetBody",
    "SkipBody",
    "SubmitTaskBody",
    "UpdateAgentBody",
]


class RegisterAgentBody(Record):
    """A new agent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "log-analyst",
                    "card": {
                        "description": "Reads a log and says what is going on.",
                        "skills": [{"id": "analyse", "name": "Analyse a log"}],
                    },
                    "policy": {"lease_seconds": 30, "max_attempts": 3},
                }
            ]
        }
    )

    name: NormalisedName
    card: AgentCard = AgentCard()
    policy: AgentPolicy = AgentPolicy()


class UpdateAgentBody(Record):
    """What is to change; what is left out stays. Card and policy are replaced whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"policy": {"lease_seconds": 60, "max_attempts": 5}}]})

    name: NormalisedName | None = None
    card: AgentCard | None = None
    policy: AgentPolicy | None = None


class ReasonBody(Record):
    """Why, for people."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "maintenance"}]})

    reason: Reason | None = None


class SubmitTaskBody(Record):
    """Work for an agent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "agent": "log-analyst",
                    "message": {
                        "message_id": "m-1",
                        "role": "user",
                        "parts": [{"text": '{"level": "error", "event": "disk full"}', "filename": "service.log"}],
                    },
                }
            ]
        }
    )

    agent: AgentReference
    message: UserMessage
    context_id: Identifier | None = Field(default=None, description="Groups tasks; made where it is left out.")
    priority: Annotated[int, Field(ge=0, le=9, strict=True, description="Higher goes first.")] = 5
    metadata: Metadata = Field(default_factory=dict)
    reference_task_ids: Annotated[tuple[UUID, ...], FailFast(), Field(max_length=100)] = ()
    not_before: Moment | None = Field(default=None, description="No worker gets it earlier.")
    deadline: Moment | None = Field(
        default=None, description="Where it is not over by then, in whatever state, it fails with deadline_exceeded."
    )


class BatchBody(Record):
    """Up to 1,000 tasks at once."""

    tasks: Annotated[tuple[SubmitTaskBody, ...], FailFast(), Field(min_length=1, max_length=1000)]


class BulkCancelBody(Record):
    """Which open tasks to cancel; at least one of the three, and a task must fit all that are given."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"agent": "log-analyst", "state": "submitted", "reason": "wrong input"}]}
    )

    context_id: Identifier | None = None
    agent: AgentReference | None = None
    state: Literal["submitted", "working", "input_required", "auth_required"] | None = None
    reason: Reason | None = None


class MessageBody(Record):
    """Something more to say."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"message": {"message_id": "m-2", "role": "user", "parts": [{"text": "Only the last hour, please."}]}}
            ]
        }
    )

    message: UserMessage


class InputBody(Record):
    """An answer; with `request_id` only to that question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"message": {"message_id": "m-3", "role": "user", "parts": [{"data": {"hours": 1}}]}}]
        }
    )

    message: UserMessage
    request_id: UUID | None = None


class DecisionBody(Record):
    """Yes or no, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decision": "approve", "reason": "As agreed."}]})

    decision: Literal["approve", "refuse"]
    reason: Reason | None = None


class SkipBody(Record):
    """Which event: it must be the first that waits, so that nobody skips one that they have not seen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event_id": "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"}]})

    event_id: UUID


def _require_identifier(scope: str) -> str:
    """Refuse the scope of an agent or a task whose id is no UUID: its budget would bound nothing."""
    kind, _, scope_id = scope.partition(":")
    if kind in {"agent", "task"} and str(UUID(scope_id)) != scope_id:
        message = f"{scope_id} is not the id of an {kind}" if kind == "agent" else f"{scope_id} is not the id of a task"
        raise ValueError(message)
    return scope


class SetBudgetBody(Record):
    """How much the work of a scope may cost; a scope has one budget."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scope": "workspace", "amount": "25.00", "currency": "USD", "window": "day"}]}
    )

    scope: Annotated[BudgetScope, AfterValidator(_require_identifier)] = Field(
        description="workspace, agent:<id>, context:<id> or task:<id>. Agents and tasks are there already; a context"
        " may be named before its first task."
    )
    amount: BudgetAmount
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default="USD", description="Reports in another currency don't count: amounts of two currencies don't add."
    )
    window: BudgetWindow = BudgetWindow.TOTAL
    warn_fraction: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)] = Decimal("0.8")
    on_breach: BudgetBreach = "input"
    spent: BudgetSpent = Field(
        default=Decimal(0),
        description="What counts as spent already in the window that lasts: reports from before are not looked up.",
    )


class ChangeBudgetBody(Record):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "50.00"}]})

    amount: BudgetAmount | None = None
    on_breach: BudgetBreach | None = None


class ResumeTasksBody(Record):
    """What the workers of the tasks are told; a plain word where it is left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"message": {"message_id": "m-7", "role": "user", "parts": [{"text": "Go on, but sparingly."}]}}
            ]
        }
    )

    message: UserMessage | None = None
