"""The line with one protection taken away: each a small substitution of what the product does, for tests alone.

Most replace a function or a script of this process, two a function of the database. Each fails loudly where the text
that it changes is no longer there.
"""

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import outbox_relay.main
from contracts.streams import EntryId
from infrastructure import stream_writer
from infrastructure.log_batches import LogBatch, read_batches
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.stream_writer import AppendAnswer, append_batches
from tests.faults.broken_saves import checkpoint_apart, no_event_fence, no_fence, shared_row
from tests.faults.substitution import change_function, changed, replacing

__all__ = ["BROKEN", "breaking"]


@contextmanager
def _with_script(old: str, new: str) -> Iterator[None]:
    script = changed(stream_writer._SCRIPT, old, new)  # noqa: SLF001 - the script is what is broken
    digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    with replacing(stream_writer, _SCRIPT=script, _SCRIPT_HASH=digest):
        yield


_PLAIN_APPEND: Final = """
if count > 0 then
  local at = position_of(last_id)
  for index = HEAD + 1, #ARGV, WIDTH do
    at = at + 1
    local id = epoch_of(ARGV[index]) .. '-' .. string.format('%d', at)
    redis.call('XADD', stream, id, 'event_id', ARGV[index + 1], '__data__', ARGV[index + 2])
    last_id = id
  end
  return {'appended', last_id, ''}
end
"""


@asynccontextmanager
async def _plain_append(_pool: Pool) -> AsyncIterator[None]:
    """Append whatever comes, at the end, as a plain XADD does."""
    line = "local last_id, last_entry = end_of_stream()\n"
    with _with_script(line, line + _PLAIN_APPEND):
        yield


@asynccontextmanager
async def _id_only(_pool: Pool) -> AsyncIterator[None]:
    """Compare the ids of the stream's end and the log, and not the events."""
    with _with_script("if last_event ~= expected_event then", "if false then"):
        yield


@asynccontextmanager
async def _remembered_epoch(_pool: Pool) -> AsyncIterator[None]:
    """Write entries under the epoch that the relay saw first."""
    seen: dict[int, str] = {}

    async def append(redis: RedisClient, batches: Sequence[LogBatch]) -> list[AppendAnswer]:
        stamped = []
        for batch in batches:
            epoch = seen.setdefault(batch.shard, batch.predecessor_id.partition("-")[0])
            ids = [f"{epoch}-{entry_id.partition('-')[2]}" for entry_id in batch.ids]
            stamped.append(batch._replace(ids=ids, next_epoch=int(epoch)))
        return await append_batches(redis, stamped)

    with replacing(outbox_relay.main, append_batches=append):
        yield


_LOCKS: Final = """PERFORM pg_advisory_xact_lock(1112888661, s.shard) FROM unnest(p_shards) AS s(shard)
  WHERE s.shard = ANY (p_event_shards);"""
_NAIVE_READ: Final = """
SELECT epoch || '-' || position, event_id::text, envelope FROM log.events WHERE shard = $1 AND position > $2
ORDER BY position LIMIT $3
"""
_AT: Final = "SELECT epoch || '-' || position, event_id::text FROM log.events WHERE shard = $1 AND position = $2"


@asynccontextmanager
async def _sequence_cursor(pool: Pool) -> AsyncIterator[None]:
    """Give positions out by a sequence, and follow them with a cursor that knows no gaps."""
    shards = await pool.fetchval("SELECT count(*) FROM log.floors")
    for shard in range(shards):
        await pool.execute(f"CREATE SEQUENCE log.naive_{shard}")
    last = "coalesce(e.position, f.position)"
    drawn = "SELECT min(nextval('log.naive_' || x.shard)) - 1 FROM unnest(p_event_shards) AS x(shard)"
    await change_function(
        pool,
        "log",
        "append_to_shards",
        (_LOCKS, ""),
        (f"{last} AS position", f"coalesce(({drawn} WHERE x.shard = s.shard), {last}) AS position"),
    )

    async def read(pool: Pool, after: Mapping[int, EntryId], *, limit: int, max_bytes: int) -> list[LogBatch]:
        honest = {batch.shard: batch for batch in await read_batches(pool, after, limit=1, max_bytes=max_bytes)}
        return [await _read_naively(pool, honest[shard], end, limit) for shard, end in after.items()]

    with replacing(outbox_relay.main, read_batches=read):
        yield


async def _read_naively(pool: Pool, honest: LogBatch, end: EntryId, limit: int) -> LogBatch:
    """Return whatever has a higher position than the cursor."""
    rows = await pool.fetch(_NAIVE_READ, honest.shard, end.position, limit)
    at = await pool.fetchrow(_AT, honest.shard, end.position)
    return honest._replace(
        start=end.position,
        is_at_floor=end.position == 0,
        predecessor_id=at[0] if at else "0-0",
        predecessor_event=at[1] if at else "",
        last_position=end.position + len(rows),
        is_cut=len(rows) == limit,
        ids=[row[0] for row in rows],
        event_ids=[row[1] for row in rows],
        envelopes=[row[2] for row in rows],
    )


@asynccontextmanager
async def _receipt_on_conflict(pool: Pool) -> AsyncIterator[None]:
    """Let a receipt that is there already be."""
    end = ") r\n  ORDER BY n.principal, n.key"
    await change_function(pool, "write", "commit_commands", (f"{end};", f"{end} ON CONFLICT DO NOTHING;"))
    yield


BROKEN: Final = {
    "sequence cursor": _sequence_cursor,
    "plain append": _plain_append,
    "epoch from memory": _remembered_epoch,
    "comparison by id only": _id_only,
    "receipt with ON CONFLICT": _receipt_on_conflict,
    "checkpoint apart": checkpoint_apart,
    "no fence": no_fence,
    "no event fence": no_event_fence,
    "shared row": shared_row,
}


@asynccontextmanager
async def breaking(pool: Pool, name: str | None) -> AsyncIterator[None]:
    """Take one protection away until the block ends; the database's functions stay as they are then. None: nothing."""
    if name is None:
        yield
        return
    async with BROKEN[name](pool):
        yield
