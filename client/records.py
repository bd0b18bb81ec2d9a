"""What the service answers about tasks, as frozen records. Fields unknown to this version are ignored."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from client.content import TERMINAL_STATES, Artifact, Message, TaskState

__all__ = [
    "Answer",
    "BatchError",
    "BatchItem",
    "CanceledTasks",
    "Page",
    "TaskDetail",
    "TaskFailureReason",
    "TaskOutcome",
    "TaskReceipt",
    "TaskStatus",
    "TaskSummary",
    "TaskTimelineEntry",
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


class TaskDetail(Answer):
    """A task, whole, with its messages and artifacts."""

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
