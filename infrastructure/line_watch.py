"""Seeing events pass: when each came onto its stream, and when each projection had passed it. Reads only.

For people who want to see how quick the line is; nothing on the line rests on it. Times are `monotonic_seconds`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from contracts.streams import APPLIED_CHANNEL, EntryId, stream_name
from infrastructure.clock import monotonic_seconds
from infrastructure.line_positions import read_new_entries
from infrastructure.redis_client import RedisClient

__all__ = ["LineWatch", "watch_line"]

_WAIT_MILLISECONDS = 1000
_NOTICE_FIELDS = 4


@dataclass(frozen=True, slots=True)
class LineWatch:
    """What was seen: `streamed` by (shard, position); `applied` by (projection, shard), each position with its time."""

    streamed: dict[tuple[int, int], float] = field(default_factory=dict)
    applied: dict[tuple[str, int], list[tuple[int, float]]] = field(default_factory=dict)

    def applied_at(self, shard: int, position: int) -> dict[str, float]:
        """Return, by projection, when it was first seen to have passed the position."""
        first: dict[str, float] = {}
        for (projection, seen_shard), passed in self.applied.items():
            times = [seconds for seen, seconds in passed if seen >= position]
            if seen_shard == shard and times:
                first[projection] = min(times)
        return first


@asynccontextmanager
async def watch_line(redis: RedisClient, heads: Mapping[int, EntryId]) -> AsyncIterator[LineWatch]:
    """Watch every shard's stream after the given heads, and every projection, while the context is open."""
    watch = LineWatch()
    async with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(APPLIED_CHANNEL)
        tasks = (
            asyncio.create_task(_watch_streams(redis, dict(heads), watch)),
            asyncio.create_task(_watch_notices(subscription.listen(), watch)),
        )
        try:
            yield watch
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _watch_streams(redis: RedisClient, heads: dict[int, EntryId], watch: LineWatch) -> None:
    shards = {stream_name(shard): shard for shard in heads}
    while True:
        after = {stream_name(shard): str(entry) for shard, entry in heads.items()}
        for stream, entries in await read_new_entries(redis, after, wait_milliseconds=_WAIT_MILLISECONDS):
            for entry in entries:
                watch.streamed[(shards[stream], entry.entry.position)] = monotonic_seconds()
                heads[shards[stream]] = entry.entry


async def _watch_notices(messages: AsyncIterator[Mapping[str, object]], watch: LineWatch) -> None:
    async for message in messages:
        data = message["data"]
        words = data.decode(errors="replace").split() if isinstance(data, bytes) else []
        if len(words) == _NOTICE_FIELDS and all(word.isdecimal() for word in words[1:]):
            passed = watch.applied.setdefault((words[0], int(words[1])), [])
            passed.append((int(words[3]), monotonic_seconds()))
