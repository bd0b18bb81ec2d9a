"""What queries answer about tasks."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from contracts.a2a import Artifact, Message, Metadata, TaskState
from contracts.record import Record
from contracts.usage import UsageTotal

__all__ = [
    "TaskArtifactChunk",
    "TaskDetail",
    "TaskFailure",
    "TaskMessage",
    "TaskStatus",
    "TaskSummary",
    "TaskTimelineEntry",
]


class TaskStatus(Record):
    """The state, the last message that came with a state, and since when."""

    state: TaskState
    message: Message | None
    timestamp: datetime


class TaskFailure(Record):
    """Why a task failed."""

    code: str
    reason: str


class TaskSummary(Record):
    """A task in a list; `title` is the start of the first text that was submitted, one line, 120 characters at most."""

    task_id: UUID
    context_id: str
    agent_id: UUID
    state: TaskState
    title: str
    priority: int
    attempt: int
    progress: float | None
    generation: int
    submitted_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class TaskDetail(Record):
    """A task without its messages and artifacts, which are rows of their own and joined by the query."""

    task_id: UUID
    workspace_id: str
    context_id: str
    agent_id: UUID
    status: TaskStatus
    priority: int
    attempt: int
    max_attempts: int
    worker: str | None
    progress: float | None
    failure: TaskFailure | None
    cancel_reason: str | None
    usage: UsageTotal
    metadata: Metadata
    reference_task_ids: tuple[str, ...]
    generation: int
    submitted_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class TaskMessage(Record):
    """One message of a task's history; `generation` is that of the event that brought it."""

    task_id: UUID
    generation: int
    message: Message


class TaskArtifactChunk(Record):
    """One chunk of an artifact; the query joins the chunks of an id, by generation, to one artifact."""

    task_id: UUID
    generation: int
    artifact: Artifact
    append: bool
    last_chunk: bool


class TaskTimelineEntry(Record):
    """One visible change of a task: the event, without content that the detail holds (artifact parts are left out)."""

    task_id: UUID
    generation: int
    event_id: UUID
    type: str
    time: datetime
    data: dict[str, JsonValue]
