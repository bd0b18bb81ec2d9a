"""A section of `bureau status`: one table that some part of the service says of itself."""

from collections.abc import Awaitable, Callable

from contracts.record import Record
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["ReadSection", "Section"]


class Section(Record):
    """One table; the keys of the rows are its columns, the same in each.

    A problem makes the service unhealthy; a note is only worth knowing.
    """

    name: str
    title: str
    rows: tuple[dict[str, str | int | float | None], ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


type ReadSection = Callable[[Pool, RedisClient], Awaitable[Section]]
"""Looks at the servers; what it raises is told as a problem."""
