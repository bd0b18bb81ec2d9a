"""What XINFO STREAM tells of the shards' streams. Never writes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from contracts.streams import EntryId, parse_entry_id, stream_name
from infrastructure.redis_client import RedisClient

__all__ = ["StreamShape", "read_shapes"]


class StreamShape(NamedTuple):
    """The last id ever given out, the number of entries, the first and the last, which are None where there is none.

    `last_event` is the event id of the last entry, empty where it has none, None where there is no entry.
    """

    last_id: EntryId
    length: int
    first: EntryId | None
    last: EntryId | None
    last_event: str | None = None


async def read_shapes(redis: RedisClient, shards: Sequence[int]) -> dict[int, StreamShape]:
    """Return the shapes of the streams that exist, in one round trip; raises redis-py's errors."""
    pipeline = redis.pipeline(transaction=False)
    for shard in shards:
        pipeline.xinfo_stream(stream_name(shard))
    answers = await pipeline.execute(raise_on_error=False)
    shapes = {shard: _shape(answer) for shard, answer in zip(shards, answers, strict=True)}
    return {shard: shape for shard, shape in shapes.items() if shape is not None}


def _shape(answer: object) -> StreamShape | None:
    match answer:
        case {"last-generated-id": bytes(last), "length": int(length), "first-entry": first, "last-entry": final}:
            return StreamShape(
                parse_entry_id(last.decode()), length, _entry_id(first), _entry_id(final), _event_id(final)
            )
        case ResponseError() if "no such key" in str(answer) or "WRONGTYPE" in str(answer):
            return None
        case BaseException():
            raise answer
        case _:
            message = f"XINFO STREAM answered {answer!r}"
            raise TypeError(message)


def _entry_id(entry: object) -> EntryId | None:
    match entry:
        case [bytes(entry_id), *_] | (bytes(entry_id), *_):
            return parse_entry_id(entry_id.decode())
        case _:
            return None


def _event_id(entry: Any) -> str | None:  # noqa: ANN401 - its fields are a list in RESP2, a mapping in RESP3
    if not entry:
        return None
    fields = entry[1]
    pairs = fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
    return str(dict(pairs).get(b"event_id", b"").decode(errors="replace"))
