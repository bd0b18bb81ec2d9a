"""Reading the streams: one FastStream subscription for all shards, fanned out to every projection's inbox.

No consumer group: where to start is the lowest checkpoint, and a delivery is only a hint. FastStream's own recovery is
left out: a subscription that stopped, or a Redis that did not answer, ends the session, and a new one starts where the
projections are then. A key of another type in a stream's place would stop the reading of all: it is left out, and its
shard goes on from the log.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog
from faststream.redis import RedisBroker

from contracts.streams import EntryId
from infrastructure.redis_client import RedisClient
from infrastructure.strangers import find_other_keys
from projectors.entries import Entry
from projectors.follower import Follower
from projectors.inbox import has_room, offer
from projectors.subscription import Delivery, StreamsSubscriber, subscribe

__all__ = ["Session", "check_reading", "fan_out", "keep_reading"]

_SOCKET_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5
_ROOM_SECONDS: Final = 0.005
_BODY: Final = b"__data__"
_EVENT_ID: Final = b"event_id"
_LOOKS_LIKE_UUID: Final = re.compile(rb"[0-9a-f-]{36}").fullmatch


@dataclass(frozen=True)
class Session:
    """What is being read at the moment: a subscription, or none while Redis is out of reach.

    `left_out` says by shard what stands in its stream's place.
    """

    redis_url: str
    followers: Sequence[Follower]
    reading: list[StreamsSubscriber] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)


def _entry(shard: int, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Entry | None:
    """Return a stream's entry, or None where it is none of ours: the gap is filled from the log then."""
    epoch, _, position = entry_id.partition(b"-")
    body, event_id = fields.get(_BODY), fields.get(_EVENT_ID, b"")
    if body is None or not _LOOKS_LIKE_UUID(event_id):
        return None
    return Entry(shard, EntryId(int(epoch), int(position)), event_id.decode(), body)


async def fan_out(followers: Sequence[Follower], delivery: Delivery) -> None:
    """Offer one delivery to every projection, at the pace of the one that keeps up best."""
    while not any(has_room(follower.inbox) for follower in followers):
        await asyncio.sleep(_ROOM_SECONDS)
    for shard, raw in delivery:
        entries = [entry for pair in raw if (entry := _entry(shard, *pair)) is not None]
        for follower in followers:
            if entries and shard in follower.checkpoints:
                offer(follower.inbox, entries)


def _starts(followers: Sequence[Follower]) -> dict[int, EntryId]:
    """Return the lowest checkpoint of each shard that a projection works on; empty while one does not know its own."""
    starts: dict[int, EntryId] = {}
    if not all(follower.has_begun.is_set() for follower in followers):
        return starts
    for follower in followers:
        for shard, checkpoint in follower.checkpoints.items():
            starts[shard] = min(checkpoint, starts.get(shard, checkpoint))
    return starts


def _is_running(subscriber: StreamsSubscriber) -> bool:
    """Tell whether a subscription still reads: its flag alone stays true when its task has died."""
    return subscriber.running and len(subscriber.tasks) == 1 and not subscriber.tasks[0].done()


async def check_reading(session: Session) -> None:
    """Raise RuntimeError where a stream is not read; who works on no shard needs none."""
    if session.left_out:
        raise RuntimeError("; ".join(session.left_out.values()))
    is_idle = not _starts(session.followers) and all(follower.has_begun.is_set() for follower in session.followers)
    if is_idle:
        return
    if not session.reading or not _is_running(session.reading[0]):
        message = "not every stream is being read"
        raise RuntimeError(message)


async def _look_for_other_keys(session: Session, client: RedisClient, starts: Mapping[int, EntryId]) -> bool:
    """Note what stands in the place of a stream; tell whether that is the same as before."""
    found = await find_other_keys(client, list(starts))
    is_same = found == session.left_out
    if found and not is_same:
        structlog.get_logger(__name__).error("no_stream_there", why="; ".join(found.values()))
    session.left_out.clear()
    session.left_out.update(found)
    return is_same


async def _read_until_trouble(session: Session, client: RedisClient, starts: Mapping[int, EntryId]) -> bool:
    """Read streams until others are wanted (True), the subscription stops (False) or Redis does not answer.

    Raises what starting or asking raises.
    """
    await _look_for_other_keys(session, client, starts)
    readable = {shard: start for shard, start in starts.items() if shard not in session.left_out}
    broker = RedisBroker(
        session.redis_url,
        socket_timeout=_SOCKET_SECONDS,
        logger=None,  # type: ignore[arg-type]  # how FastStream is told to be silent
        apply_types=False,
        graceful_timeout=0.1,
    )
    subscriber = subscribe(broker, readable, partial(fan_out, session.followers)) if readable else None
    try:
        await broker.start()
        if subscriber is not None:
            session.reading.append(subscriber)
        while subscriber is None or _is_running(subscriber):
            await asyncio.sleep(_LOOK_SECONDS)
            is_same = await _look_for_other_keys(session, client, starts)
            if not is_same or starts.keys() != _starts(session.followers).keys():
                return True
        return False
    finally:
        session.reading.clear()
        session.left_out.clear()
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
