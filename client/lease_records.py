"""What the service answers a worker, as frozen records. Fields unknown to this version are ignored."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field, JsonValue

from client.content import Message, TaskState
from client.records import Answer, TaskReceipt

__all__ = ["AnswerNote", "BudgetNotice", "Heartbeat", "InputReceipt", "Lease"]


class AnswerNote(Answer):
    """Which message answers a question, or tells how an approval was decided; `ordinal` counts messages from 1."""

    request_id: UUID
    kind: Literal["input", "approval"]
    ordinal: int
    is_default: bool = False
    status: str | None = None


class BudgetNotice(Answer):
    """A budget over the task that is nearly spent, or spent; `scope` such as `workspace` or `agent:<id>`."""

    scope: str
    amount: Decimal
    spent: Decimal
    currency: str


class Lease(Answer):
    """A task that a worker has for `lease_seconds`; the token proves it with every report."""

    task_id: UUID
    agent_id: UUID
    agent_name: str
    context_id: str
    attempt: int
    max_attempts: int
    generation: int
    lease_token: str = Field(repr=False)
    lease_seconds: int
    lease_expires_at: datetime
    priority: int
    deadline: datetime | None = None
    messages: tuple[Message, ...]
    answers: tuple[AnswerNote, ...] = ()
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    reference_task_ids: tuple[str, ...] = ()


class Heartbeat(Answer):
    """A lease was renewed; `messages` are those behind what the worker said it has, and `answers` what they answer."""

    task_id: UUID
    state: TaskState
    generation: int
    attempt: int
    lease_expires_at: datetime
    attempt_ends_at: datetime | None = None
    deadline: datetime | None = None
    last_message: int = 0
    budgets: tuple[BudgetNotice, ...] = ()
    messages: tuple[Message, ...] = ()
    answers: tuple[AnswerNote, ...] = ()
    consistency: str | None = None


class InputReceipt(TaskReceipt):
    """A task waits for the answer to a question."""

    request_id: UUID
