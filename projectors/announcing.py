"""Saying what was applied, beside the projections and never in their way.

Notices are gathered while a call is under way, and while other projections are at work on the same events, for 2 ms at
most; they leave together. What Redis misses is not kept: the positions that it knows lag behind the checkpoints then,
and are compared with them as soon as it answers again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

from contracts.streams import EntryId
from infrastructure.cache_notices import announce_applied, read_applied
from infrastructure.cache_reset import forget_answers
from infrastructure.event_log import LogRow, read_log
from infrastructure.postgres import Pool, is_connection_error
from infrastructure.read_checkpoints import read_standings
from infrastructure.read_versions import FIRST_VERSION, ReadVersion
from infrastructure.redis_client import RedisClient, is_redis_error
from projectors.announcer import Announcer, doubt_everything
from projectors.entries import entry_of_row, tags_of
from projectors.projections import Projection

__all__ = ["Servers", "keep_announcing"]

_MOST_EVENTS: Final = 2_000
"""So many events of a projection are read to find the answers that they are about: all others wait meanwhile."""
_LOG_ROWS: Final = 1_000
_LOG_BYTES: Final = 4_000_000
_RETRY_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Servers:
    """Where notices go, and where missed ones are found again."""

    client: RedisClient
    pool: Pool


class _Told(NamedTuple):
    """What notices are of."""

    projection: Projection
    version: ReadVersion


class _Apart(NamedTuple):
    """Where Redis believes a shard, and where it stands."""

    known: EntryId
    checkpoint: EntryId


def _stamps_of(told: _Told, rows: Sequence[LogRow]) -> dict[str, str]:
    """Return the cached answers that some events of one shard made out of date, with stamps."""
    stamp = f"{told.projection.name}/{rows[-1].shard}/{rows[-1].epoch}-{rows[-1].position}"
    stamps: dict[str, str] = {}
    for entry in map(entry_of_row, rows):
        stamps.update(dict.fromkeys(map(told.version.qualify, tags_of(told.projection, entry)), stamp))
    return stamps


async def _forget_between(servers: Servers, told: _Told, shard: int, positions: tuple[int, int]) -> bool:
    """Forget the cached answers that a shard's events after the lower and up to the higher position are about.

    False where the log does not hold all of them.
    """
    low, high = sorted(positions)
    while low < high:
        rows = await read_log(servers.pool, {shard: low}, limit=min(_LOG_ROWS, high - low), max_bytes=_LOG_BYTES)
        if not rows or rows[0].position != low + 1:
            return False
        await announce_applied(servers.client, _stamps_of(told, rows), {})
        low = rows[-1].position
    return True


async def _find_lost(servers: Servers, told: _Told, apart: dict[int, _Apart]) -> None:
    """Find out why Redis knows more than the worker does: another replica went on, or a crash took commits back.

    The first shards are left to that replica. Of the others the higher position is taken back: nobody may rely on it.
    """
    standings = await read_standings(servers.pool, told.version)
    for shard in [shard for shard, each in apart.items() if each.known > each.checkpoint]:
        committed = standings[shard].checkpoint if shard in standings else apart[shard].known
        if committed < apart[shard].known:
            apart[shard] = apart[shard]._replace(checkpoint=committed)
            lost = {(told.version.qualify(told.projection.name), shard): committed}
            await announce_applied(servers.client, {}, lost, is_forced=True)
        else:
            del apart[shard]


async def _bring_together(servers: Servers, told: _Told, apart: Mapping[int, _Apart]) -> None:
    """Forget the answers between known positions and checkpoints, whichever is ahead, then publish the checkpoints.

    Far apart, all answers are forgotten instead, which takes as long as there are answers: none lives for more than a
    minute. So does a forgetting that was begun and not ended, which epoch 0 tells, and where the log was cut.
    """
    name = told.version.qualify(told.projection.name)
    reached = {(name, shard): each.checkpoint for shard, each in apart.items()}
    places = {shard: (each.known.position, each.checkpoint.position) for shard, each in apart.items()}
    is_far = sum(abs(high - low) for low, high in places.values()) > _MOST_EVENTS
    if is_far or not all(each.known.epoch for each in apart.values()):
        await forget_answers(servers.client, reached)
        return
    are_forgotten = [await _forget_between(servers, told, shard, each) for shard, each in places.items()]
    if all(are_forgotten):
        await announce_applied(servers.client, {}, reached)
    else:
        await forget_answers(servers.client, reached)


async def _compare(announcer: Announcer, servers: Servers, name: str) -> None:
    """Bring what Redis knows of one projection in line with its checkpoints."""
    checkpoints = dict(announcer.checkpoints[name])
    told = _Told(announcer.projections[name], ReadVersion(name, announcer.versions.get(name, FIRST_VERSION)))
    place = told.version.qualify(name)
    known = await read_applied(servers.client, place, list(checkpoints))
    unknown = {(place, shard): checkpoint for shard, checkpoint in checkpoints.items() if shard not in known}
    await announce_applied(servers.client, {}, unknown)
    apart = {
        shard: _Apart(position, checkpoints[shard])
        for shard, position in known.items()
        if position != checkpoints[shard]
    }
    if any(each.known > each.checkpoint for each in apart.values()):
        await _find_lost(servers, told, apart)
    if apart:
        await _bring_together(servers, told, apart)


async def _say(announcer: Announcer, servers: Servers) -> None:
    """Say everything that is to be said now; the comparing first, before any position passes what was missed."""
    while announcer.doubtful:
        await _compare(announcer, servers, announcer.doubtful.pop())
    stamps, applied = dict(announcer.stamps), dict(announcer.applied)
    announcer.stamps.clear()
    announcer.applied.clear()
    await announce_applied(servers.client, stamps, applied)


async def keep_announcing(announcer: Announcer, servers: Servers) -> None:
    """Say what there is to say until cancelled; where a server is out of reach, compare when it is back."""
    log = structlog.get_logger(__name__)
    is_reached = True
    while True:
        await announcer.has_work.wait()
        announcer.has_work.clear()
        try:
            await _say(announcer, servers)
            is_reached = True
        except Exception as error:
            if not (is_redis_error(error) or is_connection_error(error)):
                log.exception("announcing_failed")
            elif is_reached:
                log.warning("announcing_interrupted", error=type(error).__name__)
            is_reached = False
            doubt_everything(announcer)
            announcer.has_work.set()
            await asyncio.sleep(_RETRY_SECONDS)
