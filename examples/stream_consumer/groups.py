"""The consumer group and its entries: making it, taking over what a dead member left, leaving out ghosts.

Bureau's streams have the id `<epoch>-<position>` and the fields `event_id` and `__data__`; see docs/events.md.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from examples.stream_consumer.ledger import Entry

__all__ = ["claim_stale", "create_group", "find_missing", "leave_out_ghosts", "read_entry", "stream_names"]

_BATCH: Final = 100


def stream_names(shards: int) -> list[str]:
    """Return the names of the streams of so many shards."""
    return [f"bureau:{{events:{shard}}}" for shard in range(shards)]


async def find_missing(redis: Redis, streams: Sequence[str], group: str) -> list[str]:
    """Return the streams that do not have the group, or do not exist."""
    pipeline = redis.pipeline(transaction=False)
    for stream in streams:
        pipeline.xinfo_groups(stream)
    answers = await pipeline.execute(raise_on_error=False)
    return [stream for stream, answer in zip(streams, answers, strict=True) if not _has_group(answer, group)]


def _has_group(answer: Any, group: str) -> bool:  # noqa: ANN401 - what redis-py answers
    if isinstance(answer, ResponseError) and "no such key" in str(answer):
        return False
    if isinstance(answer, Exception):
        raise answer
    return any(each["name"].decode() == group for each in answer)


async def create_group(redis: Redis, stream: str, group: str) -> None:
    """Make the group from the beginning of the stream, unless it is there; never at `$`, which skips what is there."""
    try:
        await redis.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def read_entry(stream: str, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """Return an entry; one without an event id goes by its place, so that it can be put aside like any other."""
    epoch, _, position = entry_id.decode().partition("-")
    event_id = fields.get(b"event_id", f"{stream}/{entry_id.decode()}".encode()).decode()
    return Entry(stream, int(epoch), int(position), event_id, fields.get(b"__data__", b""))


async def leave_out_ghosts(redis: Redis, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries without those of a lost future: a later epoch begins at their position or before it."""
    starts = {
        place: await _next_epoch_start(redis, *place) for place in {(each.stream, each.epoch) for each in entries}
    }
    return [each for each in entries if (start := starts[each.stream, each.epoch]) is None or each.position < start]


async def claim_stale(
    redis: Redis, stream: str, group: str, member: str, idle_milliseconds: int
) -> AsyncIterator[list[Entry]]:
    """Yield, batch by batch, what members took and did not acknowledge for so long; also this member's own."""
    cursor = b"0-0"
    while True:
        answer: Any = await redis.xautoclaim(stream, group, member, idle_milliseconds, start_id=cursor, count=_BATCH)
        cursor, claimed = answer[0], answer[1]
        if claimed:
            yield [read_entry(stream, entry_id, fields) for entry_id, fields in claimed if fields]
        if cursor == b"0-0":
            return


async def _next_epoch_start(redis: Redis, stream: str, epoch: int) -> int | None:
    """Return the position at which a later epoch begins on the stream; None where there is none."""
    answer: Any = await redis.xrange(stream, min=f"{epoch + 1}-0", count=1)
    return int(answer[0][0].partition(b"-")[2]) if answer else None
