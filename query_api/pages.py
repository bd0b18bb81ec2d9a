"""Pages and their parameters: fastapi-pagination's cursor abstractions in our shape.

Its parameters become raw cursor and size, its page class is the shape that OpenAPI shows; the reading itself is by
keyset in one statement, so none of its paginators, offsets or counts takes part.
"""

from collections.abc import Sequence
from typing import ClassVar, Self, cast
from uuid import UUID

from fastapi import Query
from fastapi_pagination.bases import AbstractPage, AbstractParams
from fastapi_pagination.cursor import CursorParams
from fastapi_pagination.types import Cursor
from pydantic import BaseModel, ConfigDict, Field

from contracts.a2a import Artifact, Identifier, Message, TaskState
from contracts.agents import AgentStatus
from contracts.approvals import ApprovalStatus
from contracts.budgets import BudgetScope, BudgetStatus
from contracts.views import TaskDetail

__all__ = [
    "AgentListParameters",
    "ApprovalListParameters",
    "BudgetListParameters",
    "Page",
    "PageParameters",
    "Parameters",
    "TaskListParameters",
    "TaskWithContent",
    "UsageParameters",
]

_CONSISTENCY = Field(
    default=None,
    max_length=2000,
    description="The same as the header `Bureau-Consistency`, which wins where both are sent.",
    examples=["1.3:42"],
)


class Parameters(BaseModel):
    """The query parameters of every route; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    consistency: str | None = _CONSISTENCY


class PageParameters(CursorParams):
    """The query parameters of a list. Cursors are sealed and opened by `infrastructure.cursors`, which has the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quoted_cursor: ClassVar[bool] = False

    cursor: str | None = Query(
        None, min_length=1, max_length=2000, description="`next_cursor` of the page before; opaque, for this list only."
    )
    size: int = Query(20, alias="limit", ge=1, le=100, description="Rows a page.")
    consistency: str | None = _CONSISTENCY

    def decode_cursor(self, cursor: str | None) -> Cursor | None:
        """Return the cursor as it came: what it says is only known to who has the key."""
        return cursor

    def encode_cursor(self, cursor: Cursor | None) -> str | None:
        """Return the cursor as it was sealed."""
        return cursor.decode() if isinstance(cursor, bytes) else cursor


class AgentListParameters(PageParameters):
    """Which agents."""

    status: AgentStatus | None = Query(None, description="Only agents of this status.")


class TaskListParameters(PageParameters):
    """Which tasks."""

    state: TaskState | None = Query(None, description="Only tasks in this state.")
    agent_id: UUID | None = Query(None, description="Only tasks of this agent.")
    context_id: Identifier | None = Query(None, description="Only tasks of this context.")


class ApprovalListParameters(PageParameters):
    """Which approvals."""

    status: ApprovalStatus | None = Query(None, description="Only approvals of this status.")
    task_id: UUID | None = Query(None, description="Only approvals that this task waits or waited for.")
    agent_id: UUID | None = Query(None, description="Only approvals that this agent's workers asked for.")


class BudgetListParameters(PageParameters):
    """Which budgets."""

    status: BudgetStatus | None = Query(None, description="Only budgets of this status.")
    scope: BudgetScope | None = Query(None, description="Only budgets over this: `workspace`, `agent:<id>`, …")


class UsageParameters(Parameters):
    """Whose usage."""

    agent_id: UUID | None = Query(None, description="Only tasks of this agent.")
    context_id: Identifier | None = Query(None, description="Only tasks of this context.")


class Page[Row](AbstractPage[Row]):
    """A page: its rows, and the cursor of the next page where there is one."""

    data: Sequence[Row]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")
    has_more: bool

    __params_type__ = PageParameters

    @classmethod
    def create(cls, items: Sequence[Row], params: AbstractParams, **given: object) -> Self:
        """Return the page of these rows; `next_` is the sealed cursor, or None on the last page."""
        if not isinstance(params, CursorParams):
            raise TypeError("a page is made with cursor parameters")
        cursor = params.encode_cursor(cast("Cursor | None", given.get("next_")))
        return cls(data=items, next_cursor=cursor, has_more=cursor is not None)


class TaskWithContent(TaskDetail):
    """A task with its messages and its artifacts, whose chunks are joined, each oldest first."""

    messages: tuple[Message, ...]
    artifacts: tuple[Artifact, ...]
