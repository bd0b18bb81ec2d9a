"""Compare-and-append: the only way an event comes onto a stream. The only writer of the streams' entries.

One script call a shard and batch, all shards in one round trip. It may be repeated, cut short by a crash or made by
several relays at once: the stream itself decides, against the log's own rows, what is still missing.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from importlib.resources import files
from typing import Final, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from contracts.streams import EntryId, parse_entry_id, stream_name
from infrastructure.log_batches import LogBatch
from infrastructure.redis_client import RedisClient

__all__ = ["AppendAnswer", "AppendOutcome", "append_batches", "locate_streams"]

_SCRIPT: Final = files("infrastructure").joinpath("lua/compare_and_append.lua").read_text(encoding="utf-8")
_SCRIPT_HASH: Final = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_FULL: Final = "Redis has reached its memory limit (maxmemory): raise it or trim the streams; nothing is lost meanwhile"
_EMPTY: Final = LogBatch(
    shard=0,
    start=0,
    is_at_floor=False,
    predecessor_id="0-0",
    predecessor_event="",
    next_epoch=0,
    lost_end="",
    lost_event="",
    last_position=0,
    is_cut=False,
    ids=(),
    event_ids=(),
    envelopes=(),
)


class AppendOutcome(StrEnum):
    """What became of one batch; the script's header defines them."""

    APPENDED = "appended"
    REWIND = "rewind"
    AHEAD = "ahead"
    DIVERGED = "diverged"
    STRANGE = "strange"
    REFUSED = "refused"
    """Another type of key stands there, or Redis would not run the script: out of memory, read-only."""


class AppendAnswer(NamedTuple):
    """The outcome and the stream's last id; `detail` says in words what was refused or differs."""

    outcome: AppendOutcome
    last: EntryId
    detail: str


async def append_batches(redis: RedisClient, batches: Sequence[LogBatch]) -> list[AppendAnswer]:
    """Bring each batch onto the stream of its shard and return the answers in the same order.

    A batch without events only compares. Raises redis-py's errors where the server is out of reach: then some of
    the batches may have been appended, and the same call again is right.
    """
    if not batches:
        return []
    answers = await _call_all(redis, batches)
    if any(isinstance(answer, NoScriptError) for answer in answers):
        await redis.script_load(_SCRIPT)
        answers = await _call_all(redis, batches)
    return [_read_answer(answer) for answer in answers]


async def locate_streams(redis: RedisClient, shards: Sequence[int]) -> list[AppendAnswer]:
    """Return where the streams of some shards end, as answers to batches that hold nothing."""
    return await append_batches(redis, [_EMPTY._replace(shard=shard) for shard in shards])


async def _call_all(redis: RedisClient, batches: Sequence[LogBatch]) -> list[object]:
    pipeline = redis.pipeline(transaction=False)
    for batch in batches:
        pipeline.evalsha(_SCRIPT_HASH, 1, stream_name(batch.shard), *_arguments(batch))
    answers: list[object] = await pipeline.execute(raise_on_error=False)
    return answers


def _arguments(batch: LogBatch) -> list[str | bytes]:
    """Lay out a batch as the script's header says."""
    entries: list[str | bytes] = [b""] * (3 * len(batch.ids))
    entries[0::3], entries[1::3], entries[2::3] = batch.ids, batch.event_ids, batch.envelopes
    return [
        batch.predecessor_id,
        batch.predecessor_event,
        "1" if batch.is_at_floor else "0",
        str(batch.next_epoch),
        batch.lost_end,
        batch.lost_event,
        *entries,
    ]


def _read_answer(answer: object) -> AppendAnswer:
    match answer:
        case RedisConnectionError() | RedisTimeoutError():
            raise answer
        case OutOfMemoryError():
            return AppendAnswer(AppendOutcome.REFUSED, EntryId(0, 0), _FULL)
        case RedisError():
            return AppendAnswer(AppendOutcome.REFUSED, EntryId(0, 0), str(answer))
        case [bytes(outcome), bytes(last), bytes(detail)]:
            return AppendAnswer(AppendOutcome(outcome.decode()), parse_entry_id(last.decode()), detail.decode())
        case _:
            message = f"compare-and-append answered {answer!r}"
            raise TypeError(message)
