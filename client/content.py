r"""What tasks are made of, in the terms of A2A 1.0: parts, messages, artifacts; short ways to make and read them.

    >>> user_message("Summarise this", file_part(b"a,b\n1,2\n", filename="table.csv")).text
    'Summarise this\na,b\n1,2\n'

Fields that this version does not know are kept, and sent as they are: the service checks them.
"""

import base64
import mimetypes
import uuid
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

__all__ = [
    "TERMINAL_STATES",
    "Artifact",
    "Content",
    "Message",
    "Part",
    "TaskState",
    "Usage",
    "agent_message",
    "as_user_message",
    "clean_text",
    "data_part",
    "file_part",
    "make_parts",
    "text_part",
    "user_message",
]


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class TaskState(StrEnum):
    """Where a task is in its life."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    AUTH_REQUIRED = "auth_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"


TERMINAL_STATES = frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED})
"""States that nothing leaves."""


class Part(_Content):
    """One piece of content: exactly one of `text`, `raw` (base64), `url` or `data` (any JSON)."""

    text: str | None = None
    raw: str | None = None
    url: str | None = None
    data: JsonValue = None
    media_type: str | None = None
    filename: str | None = None
    metadata: dict[str, JsonValue] | None = None

    @property
    def content(self) -> bytes | None:
        """The bytes of a `text` (UTF-8) or `raw` part; None for the others."""
        if self.raw is not None:
            return base64.b64decode(self.raw)
        return None if self.text is None else self.text.encode()


class Message(_Content):
    """What a user or an agent says; `message_id` is its creator's."""

    message_id: str
    role: str
    parts: tuple[Part, ...]
    context_id: str | None = None
    task_id: str | None = None
    metadata: dict[str, JsonValue] | None = None
    extensions: tuple[str, ...] = ()
    reference_task_ids: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Every text and file part as text, one a line; bytes that are not UTF-8 become U+FFFD."""
        contents = (part.content for part in self.parts)
        return "\n".join(content.decode(errors="replace") for content in contents if content is not None)

    @property
    def data(self) -> JsonValue:
        """The JSON of the first data part; None without one."""
        return _first_data(self.parts)


class Artifact(_Content):
    """A result of a task; one that came in chunks has the chunks' parts in order."""

    artifact_id: str
    name: str | None = None
    description: str | None = None
    parts: tuple[Part, ...] = ()
    metadata: dict[str, JsonValue] | None = None

    @property
    def content(self) -> bytes:
        """The bytes of all text and file parts, put together without separators."""
        return b"".join(part.content or b"" for part in self.parts)

    @property
    def text(self) -> str:
        """`content` as text; bytes that are not UTF-8 become U+FFFD."""
        return self.content.decode(errors="replace")

    @property
    def data(self) -> JsonValue:
        """The JSON of the first data part; None without one."""
        return _first_data(self.parts)


class Usage(_Content):
    """An amount used since the previous report; `cost` is in `currency`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    tool_calls: int = 0
    duration_ms: int = 0
    cost: Decimal = Decimal(0)
    currency: str = "USD"
    model: str | None = None


type Content = str | bytes | Part | Sequence[Part] | BaseModel | dict[str, Any]
"""What can be sent: text, bytes, parts, or a record or mapping that becomes a data part."""


def text_part(text: str, *, media_type: str | None = None, filename: str | None = None) -> Part:
    """Return a part of text."""
    return Part(**_given(text=text, media_type=media_type, filename=filename))


def file_part(content: bytes, *, filename: str | None = None, media_type: str | None = None) -> Part:
    """Return a part of bytes; without a media type it is guessed from the filename."""
    guessed = media_type or (mimetypes.guess_type(filename)[0] if filename else None) or "application/octet-stream"
    return Part(**_given(raw=base64.b64encode(content).decode(), filename=filename, media_type=guessed))


def data_part(data: BaseModel | JsonValue) -> Part:
    """Return a part of JSON; a record is written as its fields."""
    content = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
    return Part(data=content, media_type="application/json")


def make_parts(content: Content, *, media_type: str | None = None, filename: str | None = None) -> tuple[Part, ...]:
    """Return the parts that a content means; the media type and filename apply to text and bytes."""
    if isinstance(content, str):
        return (text_part(content, media_type=media_type, filename=filename),)
    if isinstance(content, bytes):
        return (file_part(content, media_type=media_type, filename=filename),)
    if isinstance(content, Part):
        return (content,)
    if isinstance(content, BaseModel | dict):
        return (data_part(content),)
    return tuple(content)


def user_message(*contents: Content) -> Message:
    """Return a user's message with a new id."""
    return _make_message("user", contents)


def as_user_message(said: Message | Content) -> Message:
    """Return what a user says as a message, one that is one as it is."""
    return said if isinstance(said, Message) else user_message(said)


def agent_message(*contents: Content) -> Message:
    """Return an agent's message with a new id."""
    return _make_message("agent", contents)


def clean_text(text: str) -> str:
    """Return the text with U+0000 and lone surrogates, which the service refuses, replaced by U+FFFD."""
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _first_data(parts: Sequence[Part]) -> JsonValue:
    return next((part.data for part in parts if "data" in part.model_fields_set), None)


def _make_message(role: str, contents: tuple[Content, ...]) -> Message:
    parts = tuple(part for content in contents for part in make_parts(content))
    return Message(message_id=str(uuid.uuid4()), role=role, parts=parts)


def _given(**values: str | None) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
