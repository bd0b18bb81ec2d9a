"""Saying what was applied, beside the projections and never in their way.

Notices are gathered while a call is under way, and while other projections are at work on the same events, for 2 ms at
most; they leave together. What Redis misses is not kept: the positions that it knows lag behind the checkpoints then,
and are compared with them as soon as it answers again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

from contracts.streams import EntryId
from infrastructure.cache_notices import announce_applied, read_applied
from infrastructure.event_log import LogRow, read_log
from infrastructure.postgres import Pool, is_connection_error
from infrastructure.read_versions import FIRST_VERSION, ReadVersion
from infrastructure.redis_client import RedisClient, is_redis_error
from projectors.announcer import Announcer, doubt_everything
from projectors.entries import entry_of_row, tags_of
from projectors.projections import Projection

__all__ = ["Servers", "keep_announcing"]

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


def _stamps_of(told: _Told, rows: Sequence[LogRow]) -> dict[str, str]:
    """Return the cached answers that some events of one shard made out of date, with stamps."""
    stamp = f"{told.projection.name}/{rows[-1].shard}/{rows[-1].epoch}-{rows[-1].position}"
    stamps: dict[str, str] = {}
    for entry in map(entry_of_row, rows):
        stamps.update(dict.fromkeys(map(told.version.qualify, tags_of(told.projection, entry)), stamp))
    return stamps


async def _forget_between(servers: Servers, told: _Told, shard: int, positions: tuple[int, int]) -> None:
    """Forget the cached answers that a shard's events after the lower and up to the higher position are about."""
    low, high = sorted(positions)
    while low < high:
        rows = await read_log(servers.pool, {shard: low}, limit=min(_LOG_ROWS, high - low), max_bytes=_LOG_BYTES)
        if not rows:
            return
        await announce_applied(servers.client, _stamps_of(told, rows), {})
        low = rows[-1].position


async def _compare_shard(servers: Servers, told: _Told, shard: int, known: EntryId, checkpoint: EntryId) -> None:
    """Forget the answers between known position and checkpoint, whichever is ahead, then publish the checkpoint."""
    reached = {(told.version.qualify(told.projection.name), shard): checkpoint}
    if known > checkpoint:  # commits were lost in a crash: nobody may rely on them
        await announce_applied(servers.client, {}, reached, is_forced=True)
    await _forget_between(servers, told, shard, (known.position, checkpoint.position))
    await announce_applied(servers.client, {}, reached)


async def _compare(announcer: Announcer, servers: Servers, name: str) -> None:
    """Bring what Redis knows of one projection in line with its checkpoints."""
    checkpoints = dict(announcer.checkpoints[name])
    version = ReadVersion(name, announcer.versions.get(name, FIRST_VERSION))
    known = await read_applied(servers.client, version.qualify(name), list(checkpoints))
    unknown = {
        (version.qualify(name), shard): checkpoint for shard, checkpoint in checkpoints.items() if shard not in known
    }
    await announce_applied(servers.client, {}, unknown)
    for shard, position in known.items():
        if position != checkpoints[shard]:
            told = _Told(announcer.projections[name], version)
            await _compare_shard(servers, told, shard, position, checkpoints[shard])


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
