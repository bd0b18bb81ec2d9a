"""What `bureau verify` reads of the log and the write side: cuts, pages by position, receipts. Never writes.

Every reading is one short statement of bounded size, so that nobody's rows are held back however long the whole
verification takes.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from contracts.streams import EntryId
from infrastructure.bounded_rows import bound_by_bytes, is_full
from infrastructure.epochs import EpochRow
from infrastructure.postgres import Pool

__all__ = [
    "FIRST_RECEIPT",
    "LogPage",
    "LogSpan",
    "LoggedEvent",
    "ReceiptKey",
    "ReceiptPositions",
    "ShardCut",
    "read_cuts",
    "read_events",
    "read_floor",
    "read_receipts",
    "read_trimmed",
]


class ShardCut(NamedTuple):
    """A shard as it was at one moment: verified from `floor` to `head`, its stream from `trimmed` on.

    `epochs` are ascending. `trimmed` is how far the stream was cut on record; never above what a reader still needs.
    """

    shard: int
    floor: EntryId
    head: EntryId
    trimmed: int
    epochs: tuple[EpochRow, ...]


class LoggedEvent(NamedTuple):
    """One event of a shard as the log holds it; the envelope is empty where it was not asked for, `size` is its own."""

    position: int
    epoch: int
    event_id: UUID
    root_id: UUID
    size: int
    envelope: bytes


class LogSpan(NamedTuple):
    """The positions of a shard after one up to another."""

    shard: int
    after: int
    last: int


class LogPage(NamedTuple):
    """All events that the log has of a shard after one position up to another."""

    after: int
    last: int
    events: Sequence[LoggedEvent]


class ReceiptKey(NamedTuple):
    """The primary key of a receipt."""

    workspace_id: str
    principal: str
    key: str


class ReceiptPositions(NamedTuple):
    """Where a receipt says that its command's events stand."""

    key: ReceiptKey
    epoch: int
    shards: tuple[int, ...]
    positions: tuple[int, ...]


FIRST_RECEIPT: Final = ReceiptKey("", "", "")

_CUTS: Final = """
SELECT f.shard, f.epoch AS floor_epoch, f.position AS floor_position, h.epoch, h.position,
  t.position AS trimmed, e.epochs, e.firsts
FROM log.floors f
JOIN log.stream_floors t ON t.shard = f.shard
CROSS JOIN LATERAL log.head_of(f.shard) h
CROSS JOIN LATERAL (
  SELECT array_agg(epoch ORDER BY epoch) AS epochs, array_agg(first_position ORDER BY epoch) AS firsts
  FROM log.epochs WHERE shard = f.shard
) AS e
ORDER BY f.shard
"""

# Bounded above and below, so that only the partitions in question are touched.
_EVENTS: Final = bound_by_bytes(
    "position, epoch, event_id, root_id, size, CASE WHEN $5 THEN envelope ELSE ''::bytea END",
    "SELECT *, length(envelope) AS size FROM log.events WHERE shard = $2 AND position > $3 AND position <= $4",
    "position",
)

_RECEIPTS: Final = """
SELECT workspace_id, principal, key, epoch, shards, positions FROM write.receipts
WHERE (workspace_id, principal, key) > ($1, $2, $3)
ORDER BY workspace_id, principal, key LIMIT $4
"""


async def read_cuts(pool: Pool) -> dict[int, ShardCut]:
    """Return the cut of every shard, ascending: what is committed now, and no event that comes later."""
    cuts: dict[int, ShardCut] = {}
    for row in await pool.fetch(_CUTS):
        floor = EntryId(row["floor_epoch"], row["floor_position"])
        head = EntryId(row["epoch"], row["position"])
        epochs = tuple(zip(row["epochs"], row["firsts"], strict=True))
        cuts[row["shard"]] = ShardCut(row["shard"], floor, head, row["trimmed"], epochs)
    return cuts


async def read_trimmed(pool: Pool, shard: int) -> int:
    """Return how far a shard's stream was cut on record by now: written before it is cut."""
    position: int = await pool.fetchval("SELECT position FROM log.stream_floors WHERE shard = $1", shard)
    return position


async def read_floor(pool: Pool, shard: int) -> int:
    """Return after which position the log begins by now: raised before anything is taken out of the log."""
    position: int = await pool.fetchval("SELECT position FROM log.floors WHERE shard = $1", shard)
    return position


async def read_events(pool: Pool, span: LogSpan, max_bytes: int, *, with_envelopes: bool) -> LogPage:
    """Return what the log has of a span, or of its beginning: `max_bytes` of envelopes, and the event behind them.

    Entries of streams are as large as the envelopes: who asks for none is about to read those.
    """
    rows = await pool.fetch(_EVENTS, max_bytes, *span, with_envelopes)
    events = [LoggedEvent(*row) for row in rows]
    last = events[-1].position if is_full((event.size for event in events), max_bytes) else span.last
    return LogPage(span.after, last, events)


async def read_receipts(pool: Pool, after: ReceiptKey, *, limit: int) -> list[ReceiptPositions]:
    """Return the receipts that follow a key, at most `limit`."""
    return [
        ReceiptPositions(ReceiptKey(*row[:3]), row[3], tuple(row[4]), tuple(row[5]))
        for row in await pool.fetch(_RECEIPTS, *after, limit)
    ]
