"""What `bureau verify` reads of the streams: entries between two ids, whatever is in them. Never writes."""

from typing import Any, NamedTuple

from contracts.streams import EntryId, parse_entry_id, stream_name
from infrastructure.redis_client import RedisClient

__all__ = ["StreamedEvent", "read_entries_between"]


class StreamedEvent(NamedTuple):
    """One entry as a stream holds it; fields that are not there are empty."""

    entry: EntryId
    event_id: str
    envelope: bytes


async def read_entries_between(
    redis: RedisClient, shard: int, after: EntryId, last: EntryId, *, limit: int
) -> list[StreamedEvent]:
    """Return the entries after one id up to another, at most `limit`."""
    page: Any = await redis.xrange(stream_name(shard), min=f"({after}", max=str(last), count=limit)
    return [
        StreamedEvent(
            parse_entry_id(entry_id.decode()),
            fields.get(b"event_id", b"").decode(errors="replace"),
            fields.get(b"__data__", b""),
        )
        for entry_id, fields in page
    ]
