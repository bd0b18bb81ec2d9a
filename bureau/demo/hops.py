"""The way of one event along the line, measured from outside: when each station was seen to have it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bureau.errors import CommandFailedError
from contracts.streams import parse_token
from infrastructure.clock import monotonic_seconds
from infrastructure.line_watch import LineWatch

__all__ = ["Hop", "measure_hops"]

_POLL_SECONDS, _PATIENCE_SECONDS = 0.001, 10.0


class Hop(NamedTuple):
    """One station, and the milliseconds from the sending of the command until it had the event."""

    station: str
    milliseconds: float


async def measure_hops(
    watch: LineWatch, command: Callable[[], Awaitable[str]], query: Callable[[], Awaitable[object]]
) -> tuple[Hop, ...]:
    """Send the command, which returns its consistency token, then ask the query, and say when the event was where."""
    sent = monotonic_seconds()
    answered_token = await command()
    committed = monotonic_seconds()
    token = parse_token(answered_token)
    shard, position = next(iter(token.positions.items()))
    await query()
    answered = monotonic_seconds()
    await _wait_until_seen(watch, shard, position)
    streamed, applied = watch.streamed[(shard, position)], watch.applied_at(shard, position)
    stations = (
        ("command committed and answered", committed),
        (f"on the stream of shard {shard}, position {position}", streamed),
        *((f"projected: {projection}", seconds) for projection, seconds in sorted(applied.items(), key=_by_time)),
        ("answered by a query", answered),
    )
    return tuple(Hop(station, (seconds - sent) * 1000) for station, seconds in stations)


async def _wait_until_seen(watch: LineWatch, shard: int, position: int) -> None:
    deadline = monotonic_seconds() + _PATIENCE_SECONDS
    while (shard, position) not in watch.streamed or not watch.applied_at(shard, position):
        if monotonic_seconds() > deadline:
            message = f"the event at position {position} of shard {shard} never came along: see the service's log"
            raise CommandFailedError(message)
        await asyncio.sleep(_POLL_SECONDS)


def _by_time(item: tuple[str, float]) -> float:
    return item[1]
