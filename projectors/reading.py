"""Reading the streams: one FastStream subscription a shard, fanned out to every projection's inbox.

No consumer group: where to start is the lowest checkpoint, and a delivery is only a hint. FastStream's own parsing is
left out (it would read and write each JSON three times), and so is its own recovery: a subscription that stopped, or a
Redis that did not answer, ends the session, and a new one starts where the projections are then.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import FAKE_CONSUMER, RedisBatchStreamMessage
from faststream.redis.subscriber.usecases import StreamBatchSubscriber

from contracts.streams import EntryId, stream_name
from infrastructure.redis_client import RedisClient
from projectors.entries import Entry
from projectors.follower import Follower
from projectors.inbox import has_room, offer

__all__ = ["Session", "check_reading", "fan_out", "keep_reading"]

_MOST_ENTRIES: Final = 500
_BLOCK_MILLISECONDS: Final = 2_000
_SOCKET_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5
_ROOM_SECONDS: Final = 0.005
_BODY: Final = b"__data__"
_EVENT_ID: Final = b"event_id"
_LOOKS_LIKE_UUID: Final = re.compile(rb"[0-9a-f-]{36}").fullmatch


@dataclass(frozen=True)
class Session:
    """What is being read at the moment: the broker, or none while Redis is out of reach."""

    redis_url: str
    followers: Sequence[Follower]
    brokers: list[RedisBroker] = field(default_factory=list)


async def _keep_raw(raw: Any) -> RedisBatchStreamMessage:  # noqa: ANN401 - FastStream types it as it likes
    """Return the delivery as a message that carries only the raw entries."""
    return RedisBatchStreamMessage(raw_message=raw, body=b"", consumer=FAKE_CONSUMER, group=None)


def _entry(shard: int, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Entry | None:
    """Return a stream's entry, or None where it is none of ours: the gap is filled from the log then."""
    epoch, _, position = entry_id.partition(b"-")
    body, event_id = fields.get(_BODY), fields.get(_EVENT_ID, b"")
    if body is None or not _LOOKS_LIKE_UUID(event_id):
        return None
    return Entry(shard, EntryId(int(epoch), int(position)), event_id.decode(), body)


async def fan_out(followers: Sequence[Follower], shard: int, raw: Mapping[str, Any]) -> None:
    """Offer one delivery to every projection, at the pace of the one that keeps up best."""
    found = (_entry(shard, *pair) for pair in zip(raw["message_ids"], raw["data"], strict=True))
    entries = [entry for entry in found if entry is not None]
    if not entries:
        return
    while not any(has_room(follower.inbox) for follower in followers):
        await asyncio.sleep(_ROOM_SECONDS)
    for follower in followers:
        if shard in follower.checkpoints:
            offer(follower.inbox, entries)


def _subscribe(broker: RedisBroker, followers: Sequence[Follower], shard: int, start: EntryId) -> None:
    """Add the subscription of one shard to a broker that is not started yet."""
    stream = StreamSub(
        stream_name(shard),
        batch=True,
        max_records=_MOST_ENTRIES,
        polling_interval=_BLOCK_MILLISECONDS,
        last_id=str(start),
    )

    async def decode(message: RedisBatchStreamMessage) -> Mapping[str, Any]:
        return message.raw_message

    @broker.subscriber(stream=stream, parser=_keep_raw, decoder=decode, ack_policy=AckPolicy.MANUAL)
    async def handle(raw: Any) -> None:  # noqa: ANN401 - as the decoder returns it
        await fan_out(followers, shard, raw)


def _starts(followers: Sequence[Follower]) -> dict[int, EntryId]:
    """Return the lowest checkpoint of each shard that a projection works on; empty while one does not know its own."""
    starts: dict[int, EntryId] = {}
    if not all(follower.has_begun.is_set() for follower in followers):
        return starts
    for follower in followers:
        for shard, checkpoint in follower.checkpoints.items():
            starts[shard] = min(checkpoint, starts.get(shard, checkpoint))
    return starts


def _is_running(broker: RedisBroker) -> bool:
    """Tell whether every subscription still reads: its flag alone stays true when its task has died."""
    return all(
        isinstance(subscriber, StreamBatchSubscriber)
        and subscriber.running
        and len(subscriber.tasks) == 1
        and not subscriber.tasks[0].done()
        for subscriber in broker.subscribers
    )


async def check_reading(session: Session) -> None:
    """Raise RuntimeError where a subscription does not read; who works on no shard needs none."""
    is_idle = not _starts(session.followers) and all(follower.has_begun.is_set() for follower in session.followers)
    if is_idle:
        return
    if not session.brokers or not _is_running(session.brokers[0]):
        message = "not every stream is being read"
        raise RuntimeError(message)


async def _read_until_trouble(session: Session, client: RedisClient, starts: Mapping[int, EntryId]) -> bool:
    """Read streams until others are wanted (True), a subscription stops (False) or Redis does not answer.

    Raises what starting or asking raises.
    """
    broker = RedisBroker(
        session.redis_url,
        socket_timeout=_SOCKET_SECONDS,
        logger=None,  # type: ignore[arg-type]  # how FastStream is told to be silent
        apply_types=False,
        graceful_timeout=0.1,
    )
    for shard, start in starts.items():
        _subscribe(broker, session.followers, shard, start)
    try:
        await broker.start()
        session.brokers.append(broker)
        while _is_running(broker) and starts.keys() == _starts(session.followers).keys():
            await client.ping()
            await asyncio.sleep(_LOOK_SECONDS)
        return _is_running(broker)
    finally:
        session.brokers.clear()
        with suppress(Exception):  # nothing more is wanted from it
            await broker.stop()


async def keep_reading(session: Session, client: RedisClient) -> None:
    """Read the streams that are wanted until cancelled, beginning again after every trouble and every change."""
    log = structlog.get_logger(__name__)
    is_reached = True
    while True:
        try:
            await client.ping()  # FastStream would retry without a pause where nobody answers at the start
            if starts := _starts(session.followers):
                is_reached = True
                if await _read_until_trouble(session, client, starts):
                    continue
                log.warning("subscription_stopped")
        except Exception as error:  # noqa: BLE001 - whatever FastStream raises ends the session, and the next begins
            if is_reached:
                log.warning("streams_out_of_reach", error=type(error).__name__)
            is_reached = False
        has_begun = all(follower.has_begun.is_set() for follower in session.followers)
        await asyncio.sleep(_LOOK_SECONDS if has_begun else _ROOM_SECONDS)
