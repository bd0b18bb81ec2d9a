"""What `bureau verify` reads of the log, aggregate by aggregate: whole histories, as many as fit. Never writes."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from infrastructure.bounded_rows import ANY_BYTES, bound_by_bytes, is_full
from infrastructure.postgres import Pool

__all__ = [
    "FIRST_ID",
    "LAST_ID",
    "AggregateEvent",
    "IdRange",
    "Most",
    "read_bounds",
    "read_histories",
    "read_history",
]

FIRST_ID: Final = UUID(int=0)
LAST_ID: Final = UUID(int=2**128 - 1)


class IdRange(NamedTuple):
    """The aggregates from one id to another, both included."""

    first: UUID
    last: UUID


class Most(NamedTuple):
    """How much is read at once: so many events, or aggregates, and bytes of envelopes."""

    number: int
    bytes: int


class AggregateEvent(NamedTuple):
    """One event as the log holds it, seen from its aggregate; the envelope is empty where it was not asked for."""

    aggregate_id: UUID
    generation: int
    shard: int
    position: int
    event_type: str
    root_id: UUID
    envelope: bytes


_ORDER: Final = "aggregate_id, generation, shard, position"
# The unique index of each partition on (aggregate_id, generation) serves the order.
_EVENTS: Final = bound_by_bytes(
    f"{_ORDER}, event_type, root_id, CASE WHEN $5 THEN envelope ELSE ''::bytea END",
    "SELECT *, CASE WHEN $5 THEN length(envelope) ELSE 0 END AS size FROM log.events"  # noqa: S608 - constants
    f" WHERE aggregate_id >= $2 AND aggregate_id <= $3 ORDER BY {_ORDER} LIMIT $4",
    _ORDER,
)
_BEHIND: Final = "SELECT id FROM write.aggregates WHERE id >= $1 AND id <= $2 ORDER BY id OFFSET $3 LIMIT 1"
_BOUNDS: Final = """
SELECT percentile_disc($1::double precision[]) WITHIN GROUP (ORDER BY id) FROM write.aggregates TABLESAMPLE SYSTEM (10)
"""


async def read_bounds(pool: Pool, ranges: int) -> list[UUID]:
    """Return ids that divide the write side's aggregates into so many ranges of about the same size; fewer of few."""
    shares = [number / ranges for number in range(1, ranges)]
    return sorted(set(await pool.fetchval(_BOUNDS, shares) or ()))


async def read_history(pool: Pool, aggregate: UUID) -> list[AggregateEvent]:
    """Return all events of one aggregate, by generation, with their envelopes."""
    rows = await pool.fetch(_EVENTS, ANY_BYTES, aggregate, aggregate, None, True)  # noqa: FBT003 - $5
    return [AggregateEvent(*row) for row in rows]


async def read_histories(
    connection: "PoolConnectionProxy[asyncpg.Record]", ids: IdRange, most: Most, *, with_envelopes: bool, is_cut: bool
) -> tuple[Sequence[AggregateEvent], IdRange]:
    """Return the whole histories that a range begins with, by aggregate and generation, and the range that they are of.

    As many as fit, one at least. Where the log is not cut every aggregate has an event, so that there are no more of
    them than may come of these; the range keeps to that even where events were lost.
    """
    if not is_cut:
        behind = await connection.fetchval(_BEHIND, *ids, most.number)
        ids = ids if behind is None else IdRange(ids.first, UUID(int=behind.int - 1))
    rows = await connection.fetch(_EVENTS, most.bytes, *ids, most.number, with_envelopes)
    events = [AggregateEvent(*row) for row in rows]
    if len(events) < most.number and not is_full((len(event.envelope) for event in events), most.bytes):
        return events, ids
    last = events[-1].aggregate_id
    whole = [event for event in events if event.aggregate_id != last]
    if whole:
        return whole, IdRange(ids.first, UUID(int=last.int - 1))
    rows = await connection.fetch(_EVENTS, ANY_BYTES, last, last, None, with_envelopes)
    return [AggregateEvent(*row) for row in rows], IdRange(ids.first, last)
