"""What queries answer about contexts: groups of tasks."""

from datetime import datetime

from contracts.a2a import TaskState
from contracts.record import Record

__all__ = ["ContextSummary"]


class ContextSummary(Record):
    """How the tasks of a context stand; `by_state` leaves out states without tasks, `tasks_url` is the list of them."""

    context_id: str
    tasks: int
    by_state: dict[TaskState, int]
    first_submitted_at: datetime
    last_submitted_at: datetime
    tasks_url: str
