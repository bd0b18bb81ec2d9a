"""What the service answers about tasks, as frozen records. Fields unknown to this version are ignored."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from client.content import TERMINAL_STATES, Artifact, Message, TaskState

__all__ = [
    "Answer",
    "BatchError",
    "BatchItem",
    "CanceledTasks",
    "Page",
    "TaskAttempt",
    "TaskDetail",
    "TaskFailureReason",
    "TaskOutcome",
    "TaskReceipt",
    "TaskStatus",
    "TaskSummary",
    "TaskTimelineEntry",
    "TaskWait",
    "UsageTotal",
]

_TERMINAL_EVENTS = frozenset(f"task.{state}" for state in TERMINAL_STATES)


class Answer(BaseModel):
    """The base of every answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Page[Item](Answer):
    """One page of a list; pass `next_cursor` on for the next."""

    data: tuple[Item, ...]
    next_cursor: str | None = None
    has_more: bool = False


class TaskOutcome(Answer):
    """How a command left a task."""

    task_id: UUID
    context_id: str
    agent_id: UUID
    state: TaskState
    generation: int
    attempt: int


class TaskReceipt(TaskOutcome):
    """A command about a task was committed."""

    consistency: str | None = None


class BatchError(Answer):
    """Why one task of a batch was refused."""

    code: str
    message: str


class BatchItem(Answer):
    """What became of one task of a batch: how it stands, or why it was refused."""

    task: TaskOutcome | None = None
    error: BatchError | None = None


class CanceledTasks(Answer):
    """Which tasks a cancellation of many ended."""

    canceled: tuple[UUID, ...]
    consistency: str | None = None


class TaskSummary(Answer):
    """A task in a list; `progress` is 0 to 1."""

    task_id: UUID
    context_id: str
    agent_id: UUID
    state: TaskState
    title: str = ""
    priority: int
    attempt: int
    progress: float | None = None
    generation: int
    submitted_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None


class TaskStatus(Answer):
    """The state, the last message that came with a state, and since when."""

    state: TaskState
    message: Message | None = None
    timestamp: datetime


class TaskFailureReason(Answer):
    """Why a task failed."""

    code: str
    reason: str


class UsageTotal(Answer):
    """What a task has used; `cost` is by currency."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    tool_calls: int = 0
    duration_ms: int = 0
    cost: dict[str, Decimal] = Field(default_factory=dict)


class TaskAttempt(Answer):
    """An attempt that came to nothing: who made it, when, and why it ended, for machines and for people."""

    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime
    code: str
    reason: str | None = None


class TaskWait(Answer):
    """What a task waits for: the answer to the question `request_id`, or the decision on the approval `approval_id`.

    `answer_schema` is a JSON Schema for the answer's data; `operation` is what the approval is for.
    """

    kind: Literal["input", "approval"]
    request_id: UUID | None = None
    approval_id: UUID | None = None
    message: Message | None = None
    answer_schema: dict[str, JsonValue] | None = None
    operation: str | None = None
    expires_at: datetime | None = None


class TaskDetail(Answer):
    """A task, whole, with its messages and artifacts.

    `waiting` is null unless a person is asked; `attempts` are those that came to nothing, `retry_at` is when the next
    may begin.
    """

    task_id: UUID
    context_id: str
    agent_id: UUID
    status: TaskStatus
    priority: int
    attempt: int
    max_attempts: int
    worker: str | None = None
    progress: float | None = None
    failure: TaskFailureReason | None = None
    cancel_reason: str | None = None
    reject_reason: str | None = None
    waiting: TaskWait | None = None
    attempts: tuple[TaskAttempt, ...] = ()
    attempt_started_at: datetime | None = None
    retry_at: datetime | None = None
    not_before: datetime | None = None
    deadline: datetime | None = None
    usage: UsageTotal = UsageTotal()
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    reference_task_ids: tuple[str, ...] = ()
    generation: int
    submitted_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    messages: tuple[Message, ...] = ()
    artifacts: tuple[Artifact, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Whether the task has come to its end."""
        return self.status.state in TERMINAL_STATES


class TaskTimelineEntry(Answer):
    """One visible change of a task: `type` such as `task.progressed`, `data` by that type."""

    task_id: UUID
    generation: int
    event_id: UUID
    type: str
    time: datetime
    data: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        """Whether the task ended with this change."""
        return self.type in _TERMINAL_EVENTS
