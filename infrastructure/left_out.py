"""Events that somebody had left out of a read model: reads read.parked_requests, in the versions that serve."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.record import Record
from infrastructure.postgres import Pool

__all__ = ["LEFT_OUT", "LeftOut", "read_left_out"]

LEFT_OUT: Final = """
read.parked_requests q LEFT JOIN read.projections p USING (projection)
WHERE q.left_out AND q.version = coalesce(p.version, 1)
"""
"""What to read from: the requests of the versions that serve whose events are missing in them."""


class LeftOut(Record):
    """An event that a read model lacks because somebody had it left out (`bureau dead-letters skip`)."""

    projection: str
    shard: int
    position: int
    event_id: UUID
    root_id: UUID
    requested_by: str
    requested_at: datetime


async def read_left_out(pool: Pool, projections: Sequence[str]) -> list[LeftOut]:
    """Return the events that these projections lack, by projection, shard and position."""
    rows = await pool.fetch(
        "SELECT q.projection, q.shard, q.position, q.event_id, q.root_id, q.requested_by, q.requested_at"  # noqa: S608 - a constant
        f" FROM {LEFT_OUT} AND q.projection = ANY ($1) ORDER BY q.projection, q.shard, q.position",
        list(projections),
    )
    return [LeftOut(**row) for row in rows]
