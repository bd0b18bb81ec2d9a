"""What stands in a stream, or in its place, that no log can have written: told by id, fields and type of key alone.

A lost future is something else: that a log has written. The cures differ: here the stream is emptied and filled anew,
there a new epoch begins.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from contracts.streams import EntryId, stream_name
from infrastructure.redis_client import RedisClient

__all__ = ["MOST_EPOCHS_AHEAD", "as_columns", "find_other_keys", "is_impossible", "judge_end"]

MOST_EPOCHS_AHEAD: Final = 1_000
"""So many bumps a database may have forgotten when it went back in time; epochs further ahead are nobody's."""

_LARGEST_EPOCH: Final = 2**31 - 1
_LARGEST_POSITION: Final = 2**62
_FIELDS: Final = frozenset({b"event_id", b"__data__"})


def is_impossible(entry: EntryId, newest_epoch: int = _LARGEST_EPOCH) -> bool:
    """Tell whether no log can have given out this id, whose newest epoch is the given one; 0-0 is nobody's entry."""
    if entry == (0, 0):
        return False
    is_epoch_possible = 0 < entry.epoch <= min(newest_epoch + MOST_EPOCHS_AHEAD, _LARGEST_EPOCH)
    return not (is_epoch_possible and 0 < entry.position <= _LARGEST_POSITION)


def judge_end(end: EntryId, last_fields: Collection[bytes] | None, newest_epoch: int = _LARGEST_EPOCH) -> str:
    """Say what is a stranger's about the end of a stream; empty where nothing is. `last_fields`: of its last entry."""
    if is_impossible(end, newest_epoch):
        return f"the stream ends with {end}, an id that no log gives out: a stranger's"
    if last_fields is not None and not _FIELDS.issubset(last_fields):
        return f"the stream ends with {end}, which lacks event_id or __data__: a stranger's"
    return ""


def as_columns(entries: Iterable[EntryId]) -> tuple[list[int], list[int]]:
    """Return epochs and positions for a statement; what a column cannot hold becomes a value that no log reaches."""
    bounded = [(min(entry.epoch, _LARGEST_EPOCH), min(entry.position, _LARGEST_POSITION)) for entry in entries]
    return [epoch for epoch, _ in bounded], [position for _, position in bounded]


async def find_other_keys(redis: RedisClient, shards: Sequence[int]) -> Mapping[int, str]:
    """Return in words, by shard, what stands where a stream should be and is none; in one round trip."""
    pipeline = redis.pipeline(transaction=False)
    for shard in shards:
        pipeline.type(stream_name(shard))
    kinds = dict(zip(shards, (kind.decode() for kind in await pipeline.execute()), strict=True))
    return {
        shard: f"another key ({kind}) stands at {stream_name(shard)}: delete or rename it"
        for shard, kind in kinds.items()
        if kind not in {"stream", "none"}
    }
