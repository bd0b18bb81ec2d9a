"""The bodies that commands are sent with. Unknown fields are refused; names are normalised before they are checked."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from contracts.a2a import AgentCard, Artifact, Identifier, Message, Metadata, Role, ShortText
from contracts.agents import AgentName, AgentPolicy
from contracts.approvals import OperationName
from contracts.budgets import BudgetAmount, BudgetBreach, BudgetScope, BudgetWindow
from contracts.record import Record
from contracts.usage import Usage

__all__ = [
    "AgentReference",
    "AppendArtifactBody",
    "BatchBody",
    "BulkCancelBody",
    "ChangeBudgetBody",
    "CompleteBody",
    "DecisionBody",
    "FailBody",
    "HeartbeatBody",
    "InputBody",
    "LeaseBody",
    "MessageBody",
    "OperationBody",
    "ProgressBody",
    "ReasonBody",
    "RegisterAgentBody",
    "RejectBody",
    "RequestApprovalBody",
    "RequestInputBody",
    "SetBudgetBody",
    "SubmitTaskBody",
    "UpdateAgentBody",
]


def _normalised(value: Any) -> Any:  # noqa: ANN401 - whatever JSON held; the next validator judges it
    """Return a name without surrounding space and in lower case."""
    return value.strip().lower() if isinstance(value, str) else value


def _find_id(text: str) -> UUID | None:
    """Return the id that a text is in its usual form, or None: any other text may be a name."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def _unlike_an_id(name: str) -> str:
    """Refuse a name that would be read as an id wherever an agent is referred to."""
    if _find_id(name) is not None:
        error = "a name must not have the form of an id"
        raise ValueError(error)
    return name


def _id_or_name(value: Any, validate: ValidatorFunctionWrapHandler) -> UUID | str:  # noqa: ANN401 - see above
    """Return a reference as what it is; a union by itself would take every id for a name."""
    text = _normalised(value)
    try:
        reference: UUID | str = validate((_find_id(text) or text) if isinstance(text, str) else text)
    except ValidationError as error:
        raise PydanticCustomError("agent_reference", "an agent's id or its name") from error
    return reference


def _from_user(message: Message) -> Message:
    """Refuse a message that a client claims an agent said."""
    if message.role is not Role.USER:
        error = "a submitted message has the role user"
        raise ValueError(error)
    return message


def _from_agent(message: Message) -> Message:
    """Refuse a message that a worker claims a user said."""
    if message.role is not Role.AGENT:
        error = "a worker's message has the role agent"
        raise ValueError(error)
    return message


def _with_parts(artifact: Artifact) -> Artifact:
    """Refuse a chunk without content."""
    if not artifact.parts:
        error = "a chunk has at least one part"
        raise ValueError(error)
    return artifact


type NormalisedName = Annotated[AgentName, BeforeValidator(_normalised), AfterValidator(_unlike_an_id)]
type AgentReference = Annotated[UUID | AgentName, WrapValidator(_id_or_name)]
"""An agent by its id, in the usual form with dashes, or by its name."""

type UserMessage = Annotated[Message, AfterValidator(_from_user)]
type AgentMessage = Annotated[Message, AfterValidator(_from_agent)]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
type Seconds = Annotated[int, Field(ge=1, le=3600, strict=True)]


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

    name: NormalisedName | None = None
    card: AgentCard | None = None
    policy: AgentPolicy | None = None


class ReasonBody(Record):
    """Why, for people."""

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
    reference_task_ids: Annotated[tuple[UUID, ...], Field(max_length=100)] = ()
    not_before: AwareDatetime | None = Field(default=None, description="No worker gets it earlier.")
    deadline: AwareDatetime | None = Field(
        default=None, description="Where it is not over by then, in whatever state, it fails with deadline_exceeded."
    )


class BatchBody(Record):
    """Up to 1,000 tasks at once."""

    tasks: Annotated[tuple[SubmitTaskBody, ...], Field(min_length=1, max_length=1000)]


class BulkCancelBody(Record):
    """Which open tasks to cancel; at least one of the three, and a task must fit all that are given."""

    context_id: Identifier | None = None
    agent: AgentReference | None = None
    state: Literal["submitted", "working", "input_required", "auth_required"] | None = None
    reason: Reason | None = None


class MessageBody(Record):
    """Something more to say."""

    message: UserMessage


class InputBody(Record):
    """An answer; with `request_id` only to that question."""

    message: UserMessage
    request_id: UUID | None = None


class RequestInputBody(Record):
    """A question to a person."""

    message: AgentMessage
    request_id: UUID | None = Field(
        default=None,
        description="The question's id, made where it is left out. One of the worker's own lets the next attempt find"
        " the answer among the lease's `answers`.",
    )
    answer_schema: dict[str, JsonValue] | None = Field(
        default=None, description="JSON Schema 2020-12; the answer then has one data part, and that must fit."
    )
    expires_in_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    default: UserMessage | None = Field(default=None, description="Answers when the time is up; else the task fails.")
    keeps_lease: bool = Field(default=False, description="True: the worker waits itself and goes on with heartbeats.")


class OperationBody(Record):
    """One operation, exactly as it would be done."""

    operation: OperationName
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class RequestApprovalBody(OperationBody):
    """An operation that the agent's policy may ask people about."""

    message: AgentMessage | None = None
    keeps_lease: bool = Field(default=False, description="True: the worker waits itself and goes on with heartbeats.")


class DecisionBody(Record):
    """Yes or no, and why."""

    decision: Literal["approve", "refuse"]
    reason: Reason | None = None


class SetBudgetBody(Record):
    """How much the work of a scope may cost; a scope has one budget."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scope": "workspace", "amount": "25.00", "currency": "USD", "window": "day"}]}
    )

    scope: BudgetScope = Field(description="workspace, agent:<id>, context:<id> or task:<id>.")
    amount: BudgetAmount
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    window: BudgetWindow = BudgetWindow.TOTAL
    warn_fraction: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)] = Decimal("0.8")
    on_breach: BudgetBreach = "input"


class ChangeBudgetBody(Record):
    """What is to change; what is left out stays."""

    amount: BudgetAmount | None = None
    on_breach: BudgetBreach | None = None


class RejectBody(Record):
    """Why the agent will not do it."""

    reason: Reason
    message: AgentMessage | None = None


class LeaseBody(Record):
    """A worker's wish for work."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"agents": ["log-analyst"], "worker": "worker-1", "wait_seconds": 20}]}
    )

    agents: Annotated[tuple[AgentReference, ...], Field(min_length=1, max_length=50)]
    worker: ShortText
    max_tasks: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    lease_seconds: Seconds | None = Field(default=None, description="Left out: as the agent's policy says.")
    wait_seconds: Annotated[
        int, Field(ge=0, le=30, strict=True, description="Waits this long for work before it says: none.")
    ] = 0


class HeartbeatBody(Record):
    """How long the lease is to last from now (left out: as long as it was given for), and what the worker has."""

    lease_seconds: Seconds | None = None
    received: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None,
        description="`last_message` of the last lease or heartbeat answer; the answer holds the messages behind it.",
    )


class ProgressBody(Record):
    """At least one of the three."""

    fraction: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    message: AgentMessage | None = None
    usage: Usage | None = None


class AppendArtifactBody(Record):
    """An artifact, whole or a chunk of it."""

    artifact: Annotated[Artifact, AfterValidator(_with_parts)]
    append: bool = Field(default=False, strict=True, description="True: goes on with an artifact that was begun.")
    last_chunk: bool = Field(default=True, strict=True)


class CompleteBody(Record):
    """The last word, if there is one."""

    message: AgentMessage | None = None
    usage: Usage | None = None


class FailBody(Record):
    """Why the work came to nothing."""

    code: Identifier
    reason: Reason
    message: AgentMessage | None = None
    usage: Usage | None = None
    retryable: bool = Field(default=False, description="True: another attempt may follow, as the policy says.")
