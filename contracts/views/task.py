"""What queries answer about tasks."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.a2a import Artifact, Message, Metadata, TaskState
from contracts.attempts import AttemptRecord
from contracts.json_value import JsonValue
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
    "TaskWaiting",
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


class TaskWaiting(Record):
    """What a task waits for: an answer to the question `request_id`, or the decision on the approval `approval_id`.

    `answer_schema` is a JSON Schema for the answer's data; `operation` is what the approval is for.
    """

    kind: Literal["input", "approval"]
    request_id: UUID | None
    approval_id: UUID | None
    message: Message | None
    answer_schema: dict[str, JsonValue] | None
    operation: str | None
    expires_at: datetime | None


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
    """A task without its messages and artifacts, which are rows of their own and joined by the query.

    `worker` took it last; `attempt_started_at` is null where no attempt is under way. `attempts` are those that came to
    nothing, `retry_at` is when the next may begin. What has a default may be missing in rows that were written before
    it came to be.
    """

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
    not_before: datetime | None = None
    deadline: datetime | None = None
    attempt_started_at: datetime | None = None
    retry_at: datetime | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    waiting: TaskWaiting | None = None
    reject_reason: str | None = None


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
