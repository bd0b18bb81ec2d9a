"""Reading with FastStream: one subscription a stream, batches, acknowledged by hand after the ledger's commit.

FastStream is told to keep raw entries, so that one damaged entry does not hold up its batch. When a group or a stream
is gone its subscription stops; then everything begins again, from the group: that of a registered reader is made by the
relay where it stood, so that is waited for.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import FAKE_CONSUMER, RedisBatchStreamMessage
from faststream.redis.subscriber.usecases import StreamBatchSubscriber
from redis.asyncio import Redis
from redis.exceptions import RedisError

from examples.stream_consumer.groups import claim_stale, create_group, find_missing, leave_out_ghosts, read_entry
from examples.stream_consumer.ledger import Entry, record_entries

__all__ = ["Plan", "consume"]

_BATCH: Final = 100
_BLOCK_MILLISECONDS: Final = 2_000
_SOCKET_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """Who reads what: `member` is unique among those who run at once; `say` gets a line about each batch.

    What a member did not acknowledge within `claim_seconds` is taken over by another; longer than a batch takes.
    A group that is missing is left to the relay for `patience_seconds`, then made from the beginning of the streams.
    """

    redis_url: str
    streams: Sequence[str]
    group: str
    member: str
    say: Callable[[str], None]
    claim_seconds: float = 30.0
    patience_seconds: float = 3.0


async def consume(plan: Plan, database: sqlite3.Connection) -> None:
    """Read until cancelled, and begin again after every trouble with Redis. Raises sqlite3.Error."""
    async with Redis.from_url(plan.redis_url, socket_timeout=_SOCKET_SECONDS) as redis:
        while True:
            try:
                await _read_until_trouble(plan, redis, database)
                plan.say("a subscription stopped: beginning again")
            except (RedisError, OSError) as error:
                plan.say(f"no Redis: {type(error).__name__}: {error}")
            await asyncio.sleep(_LOOK_SECONDS)


async def _make_group(plan: Plan, redis: Redis) -> None:
    """Wait for the relay to make the group where it stood, then make it where it is still missing."""
    deadline = time.monotonic() + plan.patience_seconds
    if await find_missing(redis, plan.streams, plan.group):
        plan.say("the group is missing: waiting for the relay, which makes that of a registered reader")
    while (missing := await find_missing(redis, plan.streams, plan.group)) and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
    for stream in missing:
        await create_group(redis, stream, plan.group)


async def _read_until_trouble(plan: Plan, redis: Redis, database: sqlite3.Connection) -> None:
    await _make_group(plan, redis)
    broker = RedisBroker(
        plan.redis_url,
        socket_timeout=_SOCKET_SECONDS,
        logger=None,  # type: ignore[arg-type] # how FastStream is told to be silent
        apply_types=False,
        graceful_timeout=5.0,
    )
    for stream in plan.streams:
        _subscribe(broker, plan, stream, redis, database)
    try:
        await broker.start()
        while _is_running(broker):
            await _take_over(plan, redis, database)
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        with contextlib.suppress(RedisError, OSError):
            await broker.stop()


def _subscribe(broker: RedisBroker, plan: Plan, stream: str, redis: Redis, database: sqlite3.Connection) -> None:
    """Add a subscription; `>` is what nobody was given yet, and the group is there, so FastStream makes none at `$`."""
    subscription = StreamSub(
        stream,
        group=plan.group,
        consumer=plan.member,
        last_id=">",
        batch=True,
        max_records=_BATCH,
        polling_interval=_BLOCK_MILLISECONDS,
    )

    async def decode(message: RedisBatchStreamMessage) -> Mapping[str, Any]:
        return message.raw_message

    @broker.subscriber(stream=subscription, parser=_keep_raw, decoder=decode, ack_policy=AckPolicy.MANUAL)
    async def handle(raw: Any) -> None:  # noqa: ANN401 - as the decoder returns it
        pairs = zip(raw["message_ids"], raw["data"], strict=True)
        await _handle(plan, redis, database, [read_entry(stream, *pair) for pair in pairs])


async def _keep_raw(raw: Any) -> RedisBatchStreamMessage:  # noqa: ANN401 - FastStream types it as it likes
    return RedisBatchStreamMessage(raw_message=raw, body=b"", consumer=FAKE_CONSUMER, group=None)


async def _take_over(plan: Plan, redis: Redis, database: sqlite3.Connection) -> None:
    """Do what a member left undone: one that died, this one before it was started again, or a batch that failed."""
    for stream in plan.streams:
        async for entries in claim_stale(redis, stream, plan.group, plan.member, round(plan.claim_seconds * 1000)):
            await _handle(plan, redis, database, entries)


async def _handle(plan: Plan, redis: Redis, database: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Record, then acknowledge: whoever dies in between leaves entries that are given again, and are known then."""
    if not entries:
        return
    recorded = record_entries(database, await leave_out_ghosts(redis, entries))
    await redis.xack(entries[0].stream, plan.group, *(entry.entry_id for entry in entries))
    new, known, put_aside = recorded
    plan.say(f"{entries[0].stream} {entries[-1].entry_id}: {new} new, {known} known, {put_aside} put aside")


def _is_running(broker: RedisBroker) -> bool:
    """Tell whether every subscription still reads; the broker's ping stays true when one has stopped."""
    return all(
        isinstance(subscriber, StreamBatchSubscriber)
        and subscriber.running
        and all(not task.done() for task in subscriber.tasks)
        for subscriber in broker.subscribers
    )
