"""What is shown of dead letters, and how they are chosen."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Query
from pydantic import Field

from contracts.record import Record
from query_api.pages import PageParameters

__all__ = ["DeadLetterListParameters", "DeadLetterView", "DeadLetterWithEvents", "WaitingEvent"]


class DeadLetterListParameters(PageParameters):
    """Which dead letters."""

    projection: str | None = Query(
        None, max_length=100, pattern="^[a-z_]+$", description="Only those of this projection."
    )
    root_id: UUID | None = Query(None, description="Only those of this task, agent or budget.")


class DeadLetterView(Record):
    """A task, agent or budget of which a projection takes nothing since an event failed."""

    dead_letter_id: UUID
    projection: str
    root_id: UUID
    shard: int
    position: int = Field(description="Where the event that failed stands in its shard.")
    event_id: UUID
    event_type: str
    error: str = Field(description="Why it failed.")
    attempts: int
    parked_at: datetime
    failed_at: datetime
    events: int = Field(description="How many wait.")


class WaitingEvent(Record):
    """An event that waits; `event` is its CloudEvent."""

    position: int
    epoch: int
    event_id: UUID
    event_type: str
    aggregate_kind: str
    aggregate_id: UUID
    generation: int
    recorded_at: datetime
    event: Any


class DeadLetterWithEvents(DeadLetterView):
    """A dead letter with what waits, in order; the first hundred."""

    waiting: tuple[WaitingEvent, ...]
