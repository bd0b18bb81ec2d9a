"""The wake-up: the command API says after a commit that there is something to carry; the relay need not wait to poll.

A hint, never a promise: nothing is lost when it is, so both ends may fail quietly. One clear line in the log when the
other side goes away, one when it is back.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import chain
from typing import Final

from contracts.streams import WAKE_CHANNEL
from infrastructure.hearing import hear, tell_change
from infrastructure.merging import average_of, rest_after
from infrastructure.redis_client import RedisClient

__all__ = ["Wake", "listen_for_wakes", "open_waker"]

type Wake = Callable[[Iterable[int]], None]
"""Says that shards have something new; returns at once, never raises."""

_RETRY_SECONDS: Final = 0.5
_FIRST_REST_SECONDS: Final = 0.0005
_LONGEST_REST_SECONDS: Final = 0.02  # as long as a relay with much to do rests itself


@asynccontextmanager
async def open_waker(redis: RedisClient) -> AsyncIterator[Wake]:
    """Yield the function to call after a commit with the shards that it wrote to.

    At most one publish is under way; what arrives meanwhile goes out with the next. While Redis is down hints are
    dropped, and a command neither waits nor fails.
    """
    pending: list[Iterable[int]] = []
    has_pending = asyncio.Event()

    def wake(shards: Iterable[int]) -> None:
        pending.append(shards)
        has_pending.set()

    publisher = asyncio.create_task(_publish_pending(redis, pending, has_pending))
    try:
        yield wake
    finally:
        publisher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publisher


async def listen_for_wakes(
    redis: RedisClient, on_wake: Callable[[], None], concerns: Callable[[frozenset[int]], bool] = bool
) -> None:
    """Call `on_wake` at every wake-up for shards that concern us, and after each subscription, until cancelled."""

    def on_payload(payload: bytes | None) -> None:
        if payload is None or concerns(_shards(payload)):
            on_wake()

    await hear(redis, WAKE_CHANNEL, on_payload, "wake-ups")


def _shards(payload: bytes) -> frozenset[int]:
    """Return the shards that a wake-up names; what cannot be read names none."""
    return frozenset(int(word) for word in payload.split(b",") if word.isdigit())


async def _publish_pending(redis: RedisClient, pending: list[Iterable[int]], has_pending: asyncio.Event) -> None:
    is_down, merged = False, 0.0
    while True:
        await has_pending.wait()
        has_pending.clear()
        payload = ",".join(map(str, sorted(set(chain.from_iterable(pending)))))
        merged = average_of(merged, len(pending))
        pending.clear()
        try:
            await redis.publish(WAKE_CHANNEL, payload)
            is_down = tell_change(is_down=False, was_down=is_down, what="wake-ups are sent again")
        except Exception as error:  # noqa: BLE001 - a hint that cannot be given must never stop the next one
            is_down = tell_change(
                is_down=True, was_down=is_down, what="wake-ups cannot be sent, the relay polls", error=error
            )
            await asyncio.sleep(_RETRY_SECONDS)
        # What comes now and then goes out at once; under load the relay comes by itself, and one a rest is enough.
        rest = rest_after(merged, first_seconds=_FIRST_REST_SECONDS, longest_seconds=_LONGEST_REST_SECONDS)
        await asyncio.sleep(rest)
