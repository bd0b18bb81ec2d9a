"""The events of a task; their subject is `task/<task id>`, their time that of the decision."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.a2a import Artifact, Message, Metadata
from contracts.agents import RetryPolicy
from contracts.attempts import AttemptRecord
from contracts.events.event import Event
from contracts.events.task_waits import (
    TaskApprovalRequested,
    TaskApprovalResolved,
    TaskInputProvided,
    TaskInputRequested,
)
from contracts.usage import Usage

__all__ = [
    "TaskArtifactAppended",
    "TaskAttemptFailed",
    "TaskAttemptStarted",
    "TaskCanceled",
    "TaskCompleted",
    "TaskEvent",
    "TaskFailed",
    "TaskMessageAdded",
    "TaskProgressed",
    "TaskRejected",
    "TaskReleased",
    "TaskResumed",
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
    attempt_seconds: int | None = None
    retry: RetryPolicy = RetryPolicy()
    metadata: Metadata
    reference_task_ids: tuple[str, ...]
    not_before: datetime | None = None
    deadline: datetime | None = None


class TaskStarted(Event):
    """A worker took the first lease: attempt 1 began."""

    type: ClassVar[str] = "task.started"
    attempt: int
    worker: str


class TaskAttemptStarted(Event):
    """A worker took over after an attempt that failed: attempt 2 or later began; clients keep seeing working."""

    type: ClassVar[str] = "task.attempt_started"
    attempt: int
    worker: str


class TaskAttemptFailed(Event):
    """An attempt came to nothing and another will follow, not before `retry_at`; clients keep seeing working.

    `code` is the worker's, or `lease_expired` or `attempt_timeout` where the service ended the attempt.
    """

    type: ClassVar[str] = "task.attempt_failed"
    attempt: int
    code: str
    reason: str
    retry_at: datetime
    message: Message | None = None


class TaskReleased(Event):
    """The worker handed the task back unfinished; the attempt goes on with whoever resumes it."""

    type: ClassVar[str] = "task.released"
    attempt: int
    worker: str


class TaskResumed(Event):
    """A worker took the task up again after it had waited for a person, or was handed back; the attempt goes on."""

    type: ClassVar[str] = "task.resumed"
    attempt: int
    worker: str


class TaskMessageAdded(Event):
    """A user said something more; `ordinal` counts the task's messages to the worker, the submitted one being 1."""

    type: ClassVar[str] = "task.message_added"
    ordinal: int
    message: Message


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
    """The worker says what it used since its previous report; after a cancellation too, when it says that it stopped.

    Agent and context are the task's, for those who add usage up; `report` counts the task's reports from 1. The
    first events that were written lack the three.
    """

    type: ClassVar[str] = "task.usage_reported"
    attempt: int
    usage: Usage
    agent_id: UUID | None = None
    context_id: str | None = None
    report: int | None = None


class TaskCompleted(Event):
    """Done; terminal."""

    type: ClassVar[str] = "task.completed"
    attempt: int
    message: Message | None = None


class TaskFailed(Event):
    """Given up; terminal. `attempts` is the whole history.

    `code` is the worker's, or where the service gave up: `attempts_exhausted`, `deadline_exceeded`, `input_expired`,
    `budget_exhausted`, or `lease_expired` and `attempt_timeout` where the policy never retries them.
    """

    type: ClassVar[str] = "task.failed"
    attempt: int
    code: str
    reason: str
    message: Message | None = None
    attempts: tuple[AttemptRecord, ...] = ()


class TaskRejected(Event):
    """The agent will not do it; terminal."""

    type: ClassVar[str] = "task.rejected"
    attempt: int
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
    | TaskAttemptFailed
    | TaskReleased
    | TaskResumed
    | TaskMessageAdded
    | TaskInputRequested
    | TaskInputProvided
    | TaskRejected
    | TaskApprovalRequested
    | TaskApprovalResolved
)
