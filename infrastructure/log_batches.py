"""Reading the log for the relay: what follows the end of each shard's stream, and what is before, in one statement.

Reads log.events, log.epochs, log.floors and log.stream_floors. Never looks into an envelope, never writes.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from contracts.streams import EntryId, parse_entry_id
from infrastructure.postgres import Pool
from infrastructure.strangers import as_columns

__all__ = ["LogBatch", "read_batches"]


class LogBatch(NamedTuple):
    """The events of one shard that follow `start`; the three sequences run in parallel, positions ascending.

    The predecessor is the log's own event at `start`: empty id where the log has none there, empty event id at the
    beginning of the log. `is_at_floor`: a stream that never held anything begins here, for what is older was trimmed.
    `next_epoch`: in which epoch the position after `start` is written. Where that one begins there, `lost_end` and
    `lost_event` say with which entry the stream ended when it began, id and event id; else they are empty.
    `is_cut`: a bound was reached, so more follows, or may.
    """

    shard: int
    start: int
    is_at_floor: bool
    predecessor_id: str
    predecessor_event: str
    next_epoch: int
    lost_end: str
    lost_event: str
    last_position: int
    is_cut: bool
    ids: Sequence[str]
    event_ids: Sequence[str]
    envelopes: Sequence[bytes]

    @property
    def last(self) -> EntryId:
        """Return where the stream stands when it holds the batch; the log must have the predecessor."""
        return parse_entry_id(self.ids[-1] if self.ids else self.predecessor_id)

    @property
    def has_hole(self) -> bool:
        """Tell whether a position is missing, which the way events are appended rules out."""
        return self.start + len(self.ids) != self.last_position


# Bounded above and below, so that only the partitions in question are touched. A plan may be made when a partition is
# still empty and be kept while it fills: LATERAL, ORDER BY and LIMIT hold every lookup on the primary key even then.
_READ: Final = """
SELECT s.shard, b.start, b.start = greatest(f.position, t.position),
  coalesce(CASE WHEN b.start = f.position THEN f.epoch ELSE p.epoch END || '-' || b.start, ''),
  coalesce(CASE WHEN b.start = f.position THEN f.event_id ELSE p.event_id END::text, ''),
  n.epoch, CASE WHEN n.first_position = b.start + 1 THEN n.stream_end ELSE '' END,
  CASE WHEN n.first_position = b.start + 1 THEN n.stream_event ELSE '' END,
  coalesce(e.last_position, b.start), coalesce(e.is_cut, false),
  coalesce(e.ids, '{}'), coalesce(e.event_ids, '{}'), coalesce(e.envelopes, '{}')
FROM unnest($1::smallint[], $2::integer[], $3::bigint[]) AS s(shard, epoch, position)
JOIN log.floors f ON f.shard = s.shard
JOIN log.stream_floors t ON t.shard = s.shard
CROSS JOIN LATERAL (  -- what the stream holds from where a later epoch began is of a lost future
  SELECT least(s.position, min(x.first_position) - 1) AS agreed FROM log.epochs x
  WHERE x.shard = s.shard AND x.epoch > s.epoch
) AS a
CROSS JOIN LATERAL (
  SELECT greatest(a.agreed, f.position, CASE WHEN s.position = 0 THEN t.position END) AS start
) AS b
CROSS JOIN LATERAL (
  SELECT x.epoch, x.first_position, x.stream_end, x.stream_event FROM log.epochs x
  WHERE x.shard = s.shard AND x.first_position <= b.start + 1 ORDER BY x.epoch DESC LIMIT 1
) AS n
LEFT JOIN LATERAL (
  SELECT l.epoch, l.event_id FROM log.events l WHERE l.shard = s.shard AND l.position BETWEEN b.start AND b.start
  ORDER BY l.position LIMIT 1
) AS p ON true
CROSS JOIN LATERAL (
  SELECT max(w.position) FILTER (WHERE w.is_carried) AS last_position,
    bool_or(NOT w.is_carried OR w.position = b.start + $4) AS is_cut,
    array_agg(w.epoch || '-' || w.position ORDER BY w.position) FILTER (WHERE w.is_carried) AS ids,
    array_agg(w.event_id::text ORDER BY w.position) FILTER (WHERE w.is_carried) AS event_ids,
    array_agg(w.envelope ORDER BY w.position) FILTER (WHERE w.is_carried) AS envelopes
  FROM (
    SELECT l.position, l.epoch, l.event_id, l.envelope, l.position = b.start + 1
      OR sum(length(l.envelope)) OVER (ORDER BY l.position ROWS UNBOUNDED PRECEDING) <= $5 AS is_carried
    FROM log.events l
    WHERE l.shard = s.shard AND l.position > b.start AND l.position <= b.start + $4
    ORDER BY l.position LIMIT $4
  ) AS w
) AS e
"""


async def read_batches(pool: Pool, after: Mapping[int, EntryId], *, limit: int, max_bytes: int) -> list[LogBatch]:
    """Return for each shard what follows the end of its stream, or the log's floor where that is higher.

    Where the stream ends in a lost epoch, that is what follows the last position before the epoch after it. After 0-0
    begins at the floor of the stream: what was trimmed from it never comes back.
    At most `limit` events and `max_bytes` of envelopes a shard, but always the next one where there is one.
    Every given shard answers, with nothing in its sequences where nothing follows.
    """
    epochs, positions = as_columns(after.values())
    rows = await pool.fetch(_READ, list(after), epochs, positions, limit, max_bytes)
    return [LogBatch(*row) for row in rows]
