"""How much a task may hold in bytes of JSON: whoever leases or reads it is handed all of it at once."""

from typing import Final

from pydantic_core import to_json

from contracts.a2a import Artifact, Message
from contracts.json_value import JsonValue
from domain.rejection import Conflict
from domain.task.state import Task

__all__ = ["MAX_WORKER_BYTES", "artifact_size", "json_size", "message_size", "require_room", "require_worker_room"]

MAX_WORKER_BYTES: Final = 16 * 2**20
"""How large what workers say of one task may be together; failures of attempts find as much room again."""


def artifact_size(artifact: Artifact) -> int:
    """Return the bytes of an artifact, or of a chunk, with its name, description and metadata."""
    return len(artifact.model_dump_json(exclude_none=True).encode())


def message_size(message: Message | None) -> int:
    """Return the bytes of a message as JSON, 0 where there is none."""
    return len(message.model_dump_json(exclude_none=True).encode()) if message else 0


def json_size(value: JsonValue) -> int:
    """Return the bytes of a value as JSON, 0 where it is null."""
    return 0 if value is None else len(to_json(value))


def require_room(task: Task, message: Message, most: int) -> None:
    """Raise Conflict `messages_too_large` where the messages to a task's workers would be more bytes than `most`."""
    if task.message_bytes + message_size(message) > most:
        raise Conflict("messages_too_large", f"A task's messages hold {most} bytes at the most.")


def require_worker_room(task: Task, size: int, most: int = MAX_WORKER_BYTES) -> None:
    """Raise Conflict `worker_messages_too_large` where so many bytes are more than workers may still say."""
    if size and task.worker_bytes + size > most:
        raise Conflict("worker_messages_too_large", f"What workers say of a task holds {most} bytes at the most.")
