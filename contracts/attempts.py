"""The history of a task's attempts."""

from datetime import datetime

from contracts.record import Record

__all__ = ["AttemptRecord"]


class AttemptRecord(Record):
    """One attempt that came to nothing: who made it, when, and why it ended (a code for machines, words for people).

    The first that were written have no reason.
    """

    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime
    code: str
    reason: str | None = None
