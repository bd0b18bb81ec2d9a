"""The events of a task; their subject is `task/<task id>`, their time that of the decision."""

from typing import ClassVar
from uuid import UUID

from contracts.a2a import Artifact, Message, Metadata
from contracts.events.event import Event
from contracts.usage import Usage

__all__ = [
    "TaskArtifactAppended",
    "TaskAttemptStarted",
    "TaskCanceled",
    "TaskCompleted",
    "TaskEvent",
    "TaskFailed",
    "TaskProgressed",
    "TaskStarted",
    "TaskSubmitted",
    "TaskUsageReported",
]


class TaskSubmitted(Event):
    """A client asked an agent for work; `priority` higher goes first."""

    type: ClassVar[str] = "task.submitted"
    task_id: UUID
    agent_id: UUID
    context_id: str
    message: Message
    priority: int
    max_attempts: int
    metadata: Metadata
    reference_task_ids: tuple[str, ...]


class TaskStarted(Event):
    """A worker took the first lease: attempt 1 began."""

    type: ClassVar[str] = "task.started"
    attempt: int
    worker: str


class TaskAttemptStarted(Event):
    """Another worker took over after a lost lease: attempt 2 or later began; the state clients see stays working."""

    type: ClassVar[str] = "task.attempt_started"
    attempt: int
    worker: str


class TaskProgressed(Event):
    """The worker says how far it is: `fraction` 0 to 1 of the work, a message, or both."""

    type: ClassVar[str] = "task.progressed"
    attempt: int
    fraction: float | None = None
    message: Message | None = None


class TaskArtifactAppended(Event):
    """A chunk of an artifact: the first of its id has `append` false, the last `last_chunk` true.

    A later attempt may begin an artifact anew: `append` false on an id that is there replaces what stood.
    """

    type: ClassVar[str] = "task.artifact_appended"
    attempt: int
    artifact: Artifact
    append: bool
    last_chunk: bool


class TaskUsageReported(Event):
    """The worker says what it used since its previous report."""

    type: ClassVar[str] = "task.usage_reported"
    attempt: int
    usage: Usage


class TaskCompleted(Event):
    """Done; terminal."""

    type: ClassVar[str] = "task.completed"
    attempt: int
    message: Message | None = None


class TaskFailed(Event):
    """Given up; terminal. `code` is the worker's, or `attempts_exhausted` where the service gave up."""

    type: ClassVar[str] = "task.failed"
    attempt: int
    code: str
    reason: str
    message: Message | None = None


class TaskCanceled(Event):
    """Somebody stopped it; terminal. The lease is fenced by this."""

    type: ClassVar[str] = "task.canceled"
    reason: str | None = None


type TaskEvent = (
    TaskSubmitted
    | TaskStarted
    | TaskAttemptStarted
    | TaskProgressed
    | TaskArtifactAppended
    | TaskUsageReported
    | TaskCompleted
    | TaskFailed
    | TaskCanceled
)
