"""The bodies that workers send commands with. Unknown fields are refused."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
)

from command_api.body_types import AgentMessage, AgentReference, Reason, Seconds, UserMessage
from contracts.a2a import Artifact, Identifier, ShortText
from contracts.approvals import OperationName
from contracts.json_value import JsonValue
from contracts.record import Record
from contracts.usage import Usage

__all__ = [
    "AcknowledgeCancelBody",
    "AppendArtifactBody",
    "CompleteBody",
    "FailBody",
    "HeartbeatBody",
    "LeaseBody",
    "OperationBody",
    "ProgressBody",
    "RejectBody",
    "ReleaseBody",
    "RequestApprovalBody",
    "RequestInputBody",
]


MAX_PARTS = 1_000


def _with_few_parts(artifact: Any) -> Any:  # noqa: ANN401 - whatever JSON held; the next validator judges it
    """Refuse a chunk of too many parts before each of them is looked at."""
    parts = artifact.get("parts") if isinstance(artifact, dict) else None
    if isinstance(parts, list) and len(parts) > MAX_PARTS:
        error = f"a chunk has {MAX_PARTS} parts at the most"
        raise ValueError(error)
    return artifact


def _with_parts(artifact: Artifact) -> Artifact:
    """Refuse a chunk without content."""
    if not artifact.parts:
        error = "a chunk has at least one part"
        raise ValueError(error)
    return artifact


class OperationBody(Record):
    """One operation, exactly as it would be done."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"operation": "invoices.refund", "arguments": {"invoice": 7}}]}
    )

    operation: OperationName
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class RequestApprovalBody(OperationBody):
    """An operation that the agent's policy may ask people about."""

    message: AgentMessage | None = None
    keeps_lease: bool = Field(
        default=False, strict=True, description="True: the worker waits itself and goes on with heartbeats."
    )


class RequestInputBody(Record):
    """A question to a person."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message": {"message_id": "m-4", "role": "agent", "parts": [{"text": "How many hours?"}]},
                    "answer_schema": {
                        "type": "object",
                        "properties": {"hours": {"type": "integer"}},
                        "required": ["hours"],
                    },
                    "expires_in_seconds": 3600,
                }
            ]
        }
    )

    message: AgentMessage
    request_id: UUID | None = Field(
        default=None,
        description="The question's id, made where it is left out. One of the worker's own lets the next attempt find"
        " the answer among the lease's `answers`.",
    )
    answer_schema: dict[str, JsonValue] | None = Field(
        default=None,
        description="JSON Schema 2020-12; the answer then has one data part, and that must fit. Refused are those that"
        " no answer could fit, or that take too long to check.",
    )
    expires_in_seconds: Annotated[int, Field(ge=1, le=31_536_000, strict=True)] | None = None
    default: UserMessage | None = Field(
        default=None, description="Answers when `expires_in_seconds` are over; else the task fails."
    )
    keeps_lease: bool = Field(
        default=False, strict=True, description="True: the worker waits itself and goes on with heartbeats."
    )


class RejectBody(Record):
    """Why the agent will not do it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "This is no log."}]})

    reason: Reason
    message: AgentMessage | None = None
    usage: Usage | None = None


class LeaseBody(Record):
    """A worker's wish for work."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"agents": ["log-analyst"], "worker": "worker-1", "wait_seconds": 20}]}
    )

    agents: Annotated[tuple[AgentReference, ...], FailFast(), Field(min_length=1, max_length=50)]
    worker: ShortText
    max_tasks: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    lease_seconds: Seconds | None = Field(default=None, description="Left out: as the agent's policy says.")
    wait_seconds: Annotated[
        int, Field(ge=0, le=30, strict=True, description="Waits this long for work before it says: none.")
    ] = 0


class HeartbeatBody(Record):
    """How long the lease is to last from now (left out: as long as it was given for), and what the worker has."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lease_seconds": 30, "received": 1}]})

    lease_seconds: Seconds | None = None
    received: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] | None = Field(
        default=None,
        description="`last_message` of the last lease or heartbeat answer; the answer holds the messages behind it.",
    )


class ProgressBody(Record):
    """At least one of the three."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fraction": 0.5,
                    "message": {"message_id": "m-5", "role": "agent", "parts": [{"text": "Half of it is read."}]},
                    "usage": {"input_tokens": 812, "output_tokens": 64, "cost": "0.002", "model": "small-1"},
                }
            ]
        }
    )

    fraction: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    message: AgentMessage | None = None
    usage: Usage | None = None


class AppendArtifactBody(Record):
    """An artifact, whole or a chunk of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "artifact": {
                        "artifact_id": "report",
                        "name": "Report",
                        "parts": [{"text": "# Report", "media_type": "text/markdown"}],
                    },
                    "append": False,
                    "last_chunk": True,
                }
            ]
        }
    )

    artifact: Annotated[Artifact, BeforeValidator(_with_few_parts), AfterValidator(_with_parts)]
    append: bool = Field(default=False, strict=True, description="True: goes on with an artifact that was begun.")
    last_chunk: bool = Field(default=True, strict=True)


class CompleteBody(Record):
    """The last word, if there is one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"message": {"message_id": "m-6", "role": "agent", "parts": [{"text": "Done: three artifacts."}]}}
            ]
        }
    )

    message: AgentMessage | None = None
    usage: Usage | None = None


class AcknowledgeCancelBody(Record):
    """What the work cost until it stopped, where that was not reported yet."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"usage": {"input_tokens": 310, "cost": "0.001", "model": "small-1"}}]}
    )

    usage: Usage | None = None


class ReleaseBody(Record):
    """What the work cost so far, where that was not reported yet."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"usage": {"input_tokens": 310, "cost": "0.001", "model": "small-1"}}]}
    )

    usage: Usage | None = None


class FailBody(Record):
    """Why the work came to nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"code": "unreadable_input", "reason": "The file is not a log.", "retryable": False}]
        }
    )

    code: Identifier
    reason: Reason
    message: AgentMessage | None = None
    usage: Usage | None = None
    retryable: bool = Field(
        default=False, strict=True, description="True: another attempt may follow, as the policy says."
    )
