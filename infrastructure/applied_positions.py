"""Waiting until a projection has come as far as a consistency token says.

Woken by the notices that projectors publish after each commit (one subscription a process). `read.checkpoints` is
asked as well while anybody waits, for all who wait at once, after 5 ms, then ever less often up to 50 ms: the notices
only make it quick, so waiting works with Redis down. Positions are those of the version that serves: a switch to
another takes none of them back. A crash of PostgreSQL may take commits back: a notice of a lower position says so, and
whoever finds an answer older than the position known here calls `distrust`. Never writes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from contracts.streams import APPLIED_CHANNEL, EntryId
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient

__all__ = ["AppliedPositions", "distrust", "open_applied_positions", "wait_until_applied"]

_logger = structlog.get_logger(__name__)

_SHORTEST_POLL_SECONDS: Final = 0.005
_LONGEST_POLL_SECONDS: Final = 0.05
_FIRST_RECONNECT_SECONDS: Final = 0.1
_LONGEST_RECONNECT_SECONDS: Final = 2.0
_NOTICE_FIELDS: Final = 4
_NOWHERE: Final = EntryId(0, 0)

type Place = tuple[str, int]
"""A projection and a shard."""


@dataclass(frozen=True, eq=False, slots=True)
class _Waiter:
    """Somebody who waits for positions of one projection."""

    targets: Mapping[Place, EntryId]
    arrived: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class AppliedPositions:
    """What this process knows of the checkpoints, ahead of them only after a crash took some back, and who waits.

    `heard` counts the notices of each projection and of each place, and under "" the subscriptions that ended;
    the counts mean something while `is_listening` is set.
    """

    pool: Pool
    heard: dict[Place | str, int] = field(default_factory=dict)
    is_listening: asyncio.Event = field(default_factory=asyncio.Event)
    known: dict[Place, EntryId] = field(default_factory=dict)
    waiters: set[_Waiter] = field(default_factory=set)
    is_wanted: asyncio.Event = field(default_factory=asyncio.Event)


_CHECKPOINTS: Final = """
SELECT c.projection, c.shard, c.epoch, c.position
FROM unnest($1::text[], $2::smallint[]) AS w(projection, shard)
JOIN read.checkpoints c ON c.projection = w.projection AND c.shard = w.shard AND c.version = coalesce(
  (SELECT p.version FROM read.projections p WHERE p.projection = w.projection), 1
)
"""


def _has_arrived(positions: AppliedPositions, targets: Mapping[Place, EntryId]) -> bool:
    """Tell whether every target is passed: at or past its position, in its epoch or a later one."""
    return all(
        known.position >= target.position and known.epoch >= target.epoch
        for known, target in ((positions.known.get(place, _NOWHERE), target) for place, target in targets.items())
    )


def _note(positions: AppliedPositions, place: Place, entry: EntryId) -> None:
    """Take note of a position and let go whoever waited for it."""
    positions.known[place] = entry
    for waiter in [waiter for waiter in positions.waiters if place in waiter.targets]:
        if not waiter.arrived.done() and _has_arrived(positions, waiter.targets):
            waiter.arrived.set_result(None)


def _note_message(positions: AppliedPositions, data: object) -> None:
    """Take note of what a notice says; one that is not of our form is somebody else's."""
    fields = data.decode(errors="replace").split() if isinstance(data, bytes) else []
    if len(fields) == _NOTICE_FIELDS and all(text.isdecimal() for text in fields[1:]):
        shard, epoch, position = map(int, fields[1:])
        for key in (fields[0], (fields[0], shard)):
            positions.heard[key] = positions.heard.get(key, 0) + 1
        # Published in order, and a lower one only where commits were lost: then what was known is void.
        _note(positions, (fields[0], shard), EntryId(epoch, position))


async def _read_checkpoints(positions: AppliedPositions, places: set[Place]) -> None:
    """Ask the database where projections are, in one round trip; a place without a checkpoint is at 0."""
    projections, shards = [place[0] for place in places], [place[1] for place in places]
    for row in await positions.pool.fetch(_CHECKPOINTS, projections, shards):
        place, entry = (row["projection"], row["shard"]), EntryId(row["epoch"], row["position"])
        if entry > positions.known.get(place, _NOWHERE):  # a notice may have come since this was read
            _note(positions, place, entry)
    for place in places:
        positions.known.setdefault(place, _NOWHERE)


async def _poll(positions: AppliedPositions) -> None:
    """Ask the database again and again while anybody waits."""
    pause = _SHORTEST_POLL_SECONDS
    while True:
        await positions.is_wanted.wait()
        await asyncio.sleep(pause)
        waiting = len(positions.waiters)
        wanted = {place for waiter in positions.waiters for place in waiter.targets}
        if not wanted:
            positions.is_wanted.clear()
            pause = _SHORTEST_POLL_SECONDS
            continue
        try:
            await _read_checkpoints(positions, wanted)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait later need this task alive
            _logger.warning("checkpoints out of reach", error=type(error).__name__)
        has_progress = len(positions.waiters) < waiting
        pause = _SHORTEST_POLL_SECONDS if has_progress else min(pause * 2, _LONGEST_POLL_SECONDS)


async def _listen(positions: AppliedPositions, client: RedisClient) -> None:
    """Take the projectors' notices, connecting again as often as needed."""
    pause = _FIRST_RECONNECT_SECONDS
    while True:
        try:
            async with client.pubsub() as subscription:
                await subscription.subscribe(APPLIED_CHANNEL)
                async for message in subscription.listen():
                    pause = _FIRST_RECONNECT_SECONDS
                    if message["type"] == "subscribe":
                        positions.is_listening.set()
                    else:
                        _note_message(positions, message["data"])
        except Exception as error:  # noqa: BLE001 - whatever it is, the next connection may be a better one
            _logger.warning("applied notices out of reach", error=type(error).__name__)
        finally:
            positions.is_listening.clear()
            positions.heard[""] = positions.heard.get("", 0) + 1
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_RECONNECT_SECONDS)


@contextlib.asynccontextmanager
async def open_applied_positions(pool: Pool, client: RedisClient) -> AsyncIterator[AppliedPositions]:
    """Listen and poll while the context is open."""
    positions = AppliedPositions(pool)
    tasks = [asyncio.create_task(_listen(positions, client)), asyncio.create_task(_poll(positions))]
    try:
        yield positions
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def distrust(positions: AppliedPositions, projection: str, shards: Iterable[int]) -> None:
    """Forget how far a projection is in some shards: who waits next asks the database."""
    for shard in shards:
        positions.known.pop((projection, shard), None)


async def wait_until_applied(
    positions: AppliedPositions, projection: str, targets: Mapping[int, EntryId], seconds: float
) -> bool:
    """Wait until a projection has passed the target of every shard named; tell whether it has, in time."""
    wanted = {(projection, shard): target for shard, target in targets.items()}
    if not _has_arrived(positions, wanted) and (seconds <= 0 or not wanted.keys() <= positions.known.keys()):
        await _read_checkpoints(positions, set(wanted))
    if _has_arrived(positions, wanted):
        return True
    waiter = _Waiter(wanted, asyncio.get_running_loop().create_future())
    positions.waiters.add(waiter)
    positions.is_wanted.set()
    try:
        async with asyncio.timeout(seconds):
            await waiter.arrived
    except TimeoutError:
        return False
    finally:
        positions.waiters.discard(waiter)
    return True
