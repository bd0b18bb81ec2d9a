"""Consumer groups on the streams: how far each has come, and making those that are missing. Never acknowledges.

A group's position is min(lowest pending - 1, last delivered): everything up to it is acknowledged, so that a group made
anew there is given again whatever a member had, and had not done.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from contracts.streams import EntryId, parse_entry_id, stream_name
from infrastructure.readers import GroupKey
from infrastructure.redis_client import RedisClient

__all__ = ["create_groups", "destroy_groups", "read_groups"]

_EXISTS: Final = "BUSYGROUP"
_OTHER_KEY: Final = "WRONGTYPE"
_MISSING: Final = ("no such key", "NOGROUP", "requires the key to exist", _OTHER_KEY)


async def read_groups(redis: RedisClient, keys: Iterable[GroupKey]) -> dict[GroupKey, EntryId]:
    """Return the positions of those of the groups that exist, in one round trip; raises redis-py's errors.

    Delivered is asked before pending, on one connection: what is delivered in between is pending, and bounds it.
    """
    wanted = sorted(set(keys), key=lambda key: (key.shard, key.reader))
    shards = sorted({key.shard for key in wanted})
    pipeline = redis.pipeline(transaction=False)
    for shard in shards:
        pipeline.xinfo_groups(stream_name(shard))
    for key in wanted:
        pipeline.xpending(stream_name(key.shard), key.reader)
    answers = [_unless_missing(answer) for answer in await pipeline.execute(raise_on_error=False)]
    delivered = _delivered(shards, answers[: len(shards)])
    pending = zip(wanted, answers[len(shards) :], strict=True)
    return {
        key: _position(delivered[key], summary) for key, summary in pending if summary is not None and key in delivered
    }


async def create_groups(redis: RedisClient, positions: Mapping[GroupKey, EntryId]) -> list[GroupKey]:
    """Make the groups that are missing, each after its position, and return them; those that exist stay as they are.

    A stream that is missing is made empty, which is how the relay finds it: it fills it from the trim floor. Where
    another key stands in its place, the relay says so, and nothing is made.
    """
    pipeline = redis.pipeline(transaction=False)
    for key, entry in positions.items():
        pipeline.xgroup_create(stream_name(key.shard), key.reader, id=str(entry), mkstream=True)
    answers = await pipeline.execute(raise_on_error=False)
    made = []
    for key, answer in zip(positions, answers, strict=True):
        if isinstance(answer, ResponseError) and (_EXISTS in str(answer) or _OTHER_KEY in str(answer)):
            continue
        if isinstance(answer, RedisError):
            raise answer
        made.append(key)
    return made


async def destroy_groups(redis: RedisClient, reader: str, shards: Sequence[int]) -> None:
    """Remove a reader's groups, with what is pending in them; those that are missing don't matter."""
    pipeline = redis.pipeline(transaction=False)
    for shard in shards:
        pipeline.xgroup_destroy(stream_name(shard), reader)
    for answer in await pipeline.execute(raise_on_error=False):
        _unless_missing(answer)


def _unless_missing(answer: Any) -> Any:  # noqa: ANN401 - what redis-py answers
    """Return the answer, None where stream or group does not exist; raises any other error."""
    if isinstance(answer, ResponseError) and any(words in str(answer) for words in _MISSING):
        return None
    if isinstance(answer, RedisError):
        raise answer
    return answer


def _delivered(shards: Sequence[int], answers: Sequence[Any]) -> dict[GroupKey, EntryId]:
    return {
        GroupKey(group["name"].decode(), shard): parse_entry_id(group["last-delivered-id"].decode())
        for shard, groups in zip(shards, answers, strict=True)
        for group in groups or ()
    }


def _position(delivered: EntryId, pending: Mapping[str, Any]) -> EntryId:
    if not pending["pending"]:
        return delivered
    epoch, position = parse_entry_id(pending["min"].decode())
    return min(delivered, EntryId(epoch, position - 1))
