"""The terms of A2A 1.0 in snake_case: task states, messages, parts, artifacts and agent cards.

Source: Agent2Agent specification, release 1.0.1. Pure data; the meanings match the specification one to one.
"""

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    FailFast,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from contracts.json_value import JsonValue
from contracts.record import Record

__all__ = [
    "INTERRUPTED_STATES",
    "TERMINAL_STATES",
    "AgentCapabilities",
    "AgentCard",
    "AgentExtension",
    "AgentInterface",
    "AgentProvider",
    "AgentSkill",
    "Artifact",
    "Identifier",
    "MediaType",
    "Message",
    "Metadata",
    "Part",
    "Role",
    "ShortText",
    "TaskState",
]


def _require_base64(text: str) -> str:
    """Return the text as it is; raises ValueError where it is not base64 (RFC 4648, with padding)."""
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as error:
        message = "not base64"
        raise ValueError(message) from error
    return text


type ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""One line for people: 1 to 200 characters."""

type Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
"""An identifier that its creator chose: 1 to 128 printable ASCII characters without spaces."""

type MediaType = Annotated[str, StringConstraints(max_length=127, pattern=r"^[\w.+-]+/[\w.+*-]+(;.*)?$")]
"""A media type as in RFC 6838, with parameters if there are any."""

type Metadata = dict[str, JsonValue]
"""Free JSON that the service keeps and returns, and never interprets."""


class TaskState(StrEnum):
    """Where a task is in its life; a visible state never goes back to an earlier class."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    AUTH_REQUIRED = "auth_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"


TERMINAL_STATES = frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED})
"""States that nothing leaves: a terminal task is immutable and never restarts."""

INTERRUPTED_STATES = frozenset({TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED})
"""States in which a task waits for a person."""


class Role(StrEnum):
    """Who speaks in a message."""

    USER = "user"
    AGENT = "agent"


class Part(Record):
    """One piece of content: exactly one of `text`, `raw` (base64), `url` or `data` (any JSON)."""

    text: str | None = None
    raw: Annotated[str, AfterValidator(_require_base64)] | None = Field(default=None, description="Bytes in base64.")
    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = None
    data: JsonValue = None
    media_type: MediaType | None = None
    filename: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def has_exactly_one_content(self) -> Self:
        """Refuse a part with no content or with several; `data` may be an explicit null."""
        present = [name for name in ("text", "raw", "url") if getattr(self, name) is not None]
        if "data" in self.model_fields_set and (self.data is not None or not present):
            present.append("data")
        if len(present) != 1:
            message = "a part has exactly one of text, raw, url or data"
            raise ValueError(message)
        return self

    @property
    def is_data(self) -> bool:
        """Whether the content is `data`, which may be null."""
        return self.text is None and self.raw is None and self.url is None

    @model_serializer(mode="wrap")
    def keep_null_data(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write an explicit null of `data` even where nulls are left out: it is this part's content."""
        content: dict[str, Any] = handler(self)
        if self.is_data:
            content["data"] = self.data
        return content


class Message(Record):
    """What a user or an agent says. `message_id` is its creator's and not an idempotency key."""

    message_id: Identifier
    role: Role
    parts: Annotated[tuple[Part, ...], FailFast(), Field(min_length=1, max_length=100)]
    context_id: Identifier | None = None
    task_id: Identifier | None = None
    metadata: Metadata | None = None
    extensions: Annotated[tuple[str, ...], FailFast()] = ()
    reference_task_ids: Annotated[tuple[Identifier, ...], FailFast()] = ()


class Artifact(Record):
    """A result of a task; `artifact_id` is unique in its task."""

    artifact_id: Identifier
    name: ShortText | None = None
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None
    parts: Annotated[tuple[Part, ...], FailFast()] = ()
    metadata: Metadata | None = None


class AgentProvider(Record):
    """The organisation behind an agent."""

    organization: ShortText
    url: Annotated[str, StringConstraints(max_length=2048)] | None = None


class AgentExtension(Record):
    """A protocol extension that an agent supports."""

    uri: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None
    required: bool = Field(default=False, strict=True)
    params: Metadata | None = None


class AgentCapabilities(Record):
    """What an agent can do beyond answering."""

    streaming: bool = Field(default=False, strict=True)
    push_notifications: bool = Field(default=False, strict=True)
    extended_agent_card: bool = Field(default=False, strict=True)
    extensions: Annotated[tuple[AgentExtension, ...], FailFast()] = ()


class AgentInterface(Record):
    """An address at which an agent can be reached, and the protocol spoken there."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    protocol_binding: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    protocol_version: Annotated[str, StringConstraints(max_length=20)] = "1.0"
    tenant: Annotated[str, StringConstraints(max_length=128)] | None = None


class AgentSkill(Record):
    """One thing that an agent knows how to do."""

    id: Identifier
    name: ShortText
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    tags: Annotated[tuple[ShortText, ...], FailFast()] = ()
    examples: Annotated[tuple[Annotated[str, StringConstraints(max_length=2000)], ...], FailFast()] = ()
    input_modes: Annotated[tuple[MediaType, ...], FailFast()] = ()
    output_modes: Annotated[tuple[MediaType, ...], FailFast()] = ()


class AgentCard(Record):
    """What an agent says of itself. The agent's own unique name stands beside it, not in it."""

    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    version: Annotated[str, StringConstraints(min_length=1, max_length=50)] = "1"
    provider: AgentProvider | None = None
    documentation_url: Annotated[str, StringConstraints(max_length=2048)] | None = None
    supported_interfaces: Annotated[tuple[AgentInterface, ...], FailFast()] = ()
    capabilities: AgentCapabilities = AgentCapabilities()
    default_input_modes: Annotated[tuple[MediaType, ...], FailFast()] = ("text/plain",)
    default_output_modes: Annotated[tuple[MediaType, ...], FailFast()] = ("text/plain",)
    skills: Annotated[tuple[AgentSkill, ...], FailFast(), Field(max_length=100)] = ()
