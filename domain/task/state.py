"""What must be known of a task to decide: the aggregate's state.

It holds no content but the schema and the default of a question that is open.
"""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, computed_field

from contracts.a2a import INTERRUPTED_STATES, TERMINAL_STATES, Message, TaskState
from contracts.agents import RetryPolicy
from contracts.attempts import AttemptRecord
from contracts.json_value import JsonValue
from contracts.record import Record
from domain.moments import microseconds
from domain.rejection import Conflict, NotFound

__all__ = [
    "ArtifactState",
    "Lease",
    "Task",
    "TaskRules",
    "Waiting",
    "has_canceled_lease",
    "require_lease",
    "require_open_task",
    "require_task",
    "require_working_lease",
]


class Lease(Record):
    """A worker's exclusive right to a task. `number` fences: it goes up with each lease of the task.

    `slot` is one of the agent's places for concurrent tasks, where it has a limit; the store guards that it is alone.
    """

    number: int
    worker: str
    seconds: int
    expires_at: datetime
    slot: int | None = None


class ArtifactState(Record):
    """How far an artifact is, and its bytes; the attempt that began it may append to it until it is closed."""

    attempt: int
    is_closed: bool
    size: int = 0


class TaskRules(Record):
    """The rules of the task's submission."""

    max_attempts: int
    attempt_seconds: int | None
    retry: RetryPolicy


class Waiting(Record):
    """What the task waits for: the answer to a question, or an approval (`request_id` is then its id).

    The default, if there is one, answers a question when the time is up; `ends_task` says what a refusal does.
    """

    kind: Literal["input", "approval"]
    request_id: UUID
    expires_at: datetime | None
    keeps_lease: bool
    answer_schema: dict[str, JsonValue] | None = None
    default: Message | None = None
    ends_task: bool = False


class Task(Record):
    """A task; `generation` counts its events, `leases` is the number of its last lease.

    `messages` counts what workers are to be handed, `message_bytes` is the size of those behind the first, and
    `worker_bytes` that of what workers said; `reports` counts what they reported of usage, `releases` how often they
    handed it back, `asked` holds the ids of their questions and approvals. `canceled_lease` is the number of the lease
    that the cancellation ended, None where nobody had one. The running attempt began at `attempt_started_at`; it is
    worked on since `running_since`, and was for `worked` before nobody last did. Reads states that hold more than it
    knows.
    """

    model_config = ConfigDict(extra="ignore")

    task_id: UUID
    agent_id: UUID
    context_id: str
    state: TaskState
    priority: int
    rules: TaskRules
    ready_at: datetime
    deadline: datetime | None
    attempt: int
    worker: str | None
    attempt_started_at: datetime | None
    running_since: datetime | None
    worked: timedelta = timedelta(0)
    attempts: tuple[AttemptRecord, ...]
    is_resuming: bool
    leases: int
    lease: Lease | None
    canceled_lease: int | None = None
    waiting: Waiting | None
    messages: int
    message_bytes: int = 0
    worker_bytes: int = 0
    reports: int = 0
    releases: int = 0
    asked: tuple[UUID, ...] = ()
    artifacts: dict[str, ArtifactState]
    is_cancel_acknowledged: bool
    generation: int

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated properties
    @property
    def claimable_at(self) -> int | None:
        """From when a worker may lease it, in microseconds since 1970; None where no worker may."""
        is_waiting = self.state in TERMINAL_STATES or self.state in INTERRUPTED_STATES or self.lease is not None
        return None if is_waiting else microseconds(self.ready_at)

    @computed_field  # type: ignore[prop-decorator] # see above
    @property
    def due_at(self) -> int | None:
        """When the rules next have something to say without anybody's call, in microseconds since 1970."""
        moments = (self.deadline, self.attempt_ends_at, _expiry(self.lease), _expiry(self.waiting))
        is_over = self.state in TERMINAL_STATES
        return None if is_over else min((microseconds(moment) for moment in moments if moment), default=None)

    @property
    def attempt_ends_at(self) -> datetime | None:
        """When the running attempt has lasted as long as it may; the time it waits for a person does not count."""
        if self.lease is None or self.waiting is not None or self.running_since is None:
            return None
        seconds = self.rules.attempt_seconds
        return None if seconds is None else self.running_since + timedelta(seconds=seconds) - self.worked


def _expiry(bounded: Lease | Waiting | None) -> datetime | None:
    """Return when a lease or a wait is over, None where there is none or it has no end."""
    return None if bounded is None else bounded.expires_at


def require_task(task: Task | None) -> Task:
    """Return the task; raises NotFound `task_not_found`."""
    if task is None:
        raise NotFound("task_not_found", "There is no such task.")
    return task


def require_open_task(task: Task | None) -> Task:
    """Return a task that can still change; raises NotFound, or Conflict `wrong_state` where it is terminal."""
    task = require_task(task)
    if task.state in TERMINAL_STATES:
        raise Conflict("wrong_state", f"The task is {task.state}: that is final.")
    return task


def has_canceled_lease(task: Task, number: int | None) -> bool:
    """Tell whether `number` is that of the lease which the task's cancellation ended."""
    return number is not None and number == task.canceled_lease


def require_lease(task: Task | None, number: int | None) -> tuple[Task, Lease]:
    """Return a task and its lease where `number` is that of the live lease.

    The number fences, not the expiry: a lease that ran out is good until the service or somebody else takes the task.
    Raises NotFound, Conflict `task_canceled` for the worker of a canceled task, else Conflict `lease_lost`.
    """
    task = require_task(task)
    if has_canceled_lease(task, number):
        raise Conflict("task_canceled", "The task was canceled; stop, and acknowledge it.")
    if task.state in TERMINAL_STATES:
        raise Conflict("lease_lost", f"The lease is over: the task is {task.state}.")
    if task.lease is None or task.lease.number != number:
        raise Conflict("lease_lost", "The lease token is not that of the task's lease; another worker may have it.")
    return task, task.lease


def require_working_lease(task: Task | None, number: int | None) -> Task:
    """Return a task that its worker may work on now; raises as `require_lease`, and Conflict `wrong_state`."""
    task, _ = require_lease(task, number)
    if task.state in INTERRUPTED_STATES:
        raise Conflict("wrong_state", f"The task is {task.state}: wait for the answer.")
    return task
