"""A rebuild without downtime: fill a new version from the log, catch up with what is written meanwhile, switch.

The serving version goes on serving and moving until the switch; the new one is taken over by the projectors after it.
Killed at any moment, a rebuild goes on where it stood when it is asked for again. No transaction is longer than a
batch, but for making an index, and the switch, which holds the old version's checkpoints for some ten round trips.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from contracts.streams import EntryId
from infrastructure.archiving import explain_missing
from infrastructure.event_log import read_missing_history
from infrastructure.postgres import Pool
from infrastructure.read_checkpoints import open_checkpoints, read_standings
from infrastructure.read_versions import ReadVersion
from infrastructure.version_switching import begin_version, drop_kept, hold_rebuild, switch_version
from infrastructure.version_tables import make_indexes, make_tables
from projectors.building import Build, BuildFailedError, build_shards, catch_up, open_build
from projectors.projections import Projection, table_names

__all__ = ["HistoryMissingError", "Phase", "Progress", "RebuildDependencies", "Rebuilt", "rebuild"]

_FEW_EVENTS: Final = 20_000  # what processes of their own would not be worth starting for
_NEAR_EVENTS: Final = 1_000
_LOOK_SECONDS: Final = 0.2
_SWITCH_SECONDS: Final = 3.0
_SWITCH_ATTEMPTS: Final = 20


class HistoryMissingError(Exception):
    """Neither the log nor its archive holds the events that a version would have to begin with."""


class Phase(StrEnum):
    """What a rebuild does."""

    FILLING = "filling"
    INDEXING = "indexing"
    CATCHING_UP = "catching up"
    SWITCHING = "switching"


class Progress(NamedTuple):
    """How far a rebuild is; `applied` and `total` are events of all shards, and `total` grows while others write."""

    phase: Phase
    applied: int
    total: int


class Rebuilt(NamedTuple):
    """What a rebuild came to: the version that serves now, and whether it went on from an earlier call.

    `parked` roots wait in the new version behind an event that could not be applied.
    """

    version: int
    events: int
    is_resumed: bool
    parked: int


@dataclass(frozen=True, slots=True)
class RebuildDependencies:
    """What a rebuild needs: the database, processes to fill with, somebody to tell, and the cache's positions.

    `run_processes` fills shards in so many other processes beside this one; without it all is done in this one.
    """

    pool: Pool
    tell: Callable[[Progress], None]
    put_applied: Callable[[ReadVersion, Mapping[int, EntryId]], Awaitable[None]]
    run_processes: Callable[[ReadVersion, Sequence[int], int], Coroutine[Any, Any, None]] | None = None
    processes: int = 1


async def _refuse_missing_history(pool: Pool, projection: Projection) -> None:
    """Raise HistoryMissingError where neither the log nor its archive holds what a new version has to begin with."""
    missing = await read_missing_history(pool, projection.name)
    if missing:
        where = ", ".join(f"event {position} of shard {shard}" for shard, position in sorted(missing.items())[:5])
        message = f"neither the log nor its archive holds what a rebuild needs ({len(missing)} shards: {where})"
        cure = ": put the partitions back that `bureau archive list` does not show"
        raise HistoryMissingError(await explain_missing(pool, message, cure))


async def _look(build: Build, phase: Phase, dependencies: RebuildDependencies) -> dict[int, int]:
    """Tell how far the version is; return the events that each shard has still to come, where there are any."""
    standings = await read_standings(dependencies.pool, build.version)
    applied = sum(standing.checkpoint.position for standing in standings.values())
    total = sum(standing.head.position for standing in standings.values())
    dependencies.tell(Progress(phase, applied, total))
    missing = {shard: standing.head.position - standing.checkpoint.position for shard, standing in standings.items()}
    return {shard: events for shard, events in missing.items() if events > 0}


def _start_filling(
    build: Build, remaining: Mapping[int, int], dependencies: RebuildDependencies
) -> list[asyncio.Task[None]]:
    """Begin to fill, in this process first of all; the others take of the same shards when they have started."""
    shards = sorted(remaining, key=lambda shard: -remaining[shard])  # the longest first: none is left over in the end
    filling = [asyncio.create_task(build_shards(build, shards))]
    others = dependencies.processes - 1
    if dependencies.run_processes is not None and others > 0 and sum(remaining.values()) > _FEW_EVENTS:
        filling.append(asyncio.create_task(dependencies.run_processes(build.version, shards, others)))
    return filling


async def _fill(build: Build, dependencies: RebuildDependencies) -> None:
    """Fill the version until little is missing; what fails ends it."""
    while sum((remaining := await _look(build, Phase.FILLING, dependencies)).values()) > _NEAR_EVENTS:
        filling = _start_filling(build, remaining, dependencies)
        try:
            while not all(each.done() for each in filling):
                pending = [each for each in filling if not each.done()]
                await asyncio.wait(pending, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for each in filling:
                    if each.done():
                        each.result()
                missing = sum((await _look(build, Phase.FILLING, dependencies)).values())
                if filling[0].done() and missing <= _NEAR_EVENTS:
                    break  # whoever is still starting is not needed any more
        finally:
            for each in filling:
                each.cancel()
            await asyncio.gather(*filling, return_exceptions=True)


async def _switch_once(build: Build, dependencies: RebuildDependencies) -> bool:
    """Catch up until little is missing, then switch; tell whether it came to that in time."""
    while await catch_up(build) > _NEAR_EVENTS:
        await _look(build, Phase.CATCHING_UP, dependencies)
    await _look(build, Phase.SWITCHING, dependencies)

    async def close_gap(targets: Mapping[int, EntryId]) -> None:
        while await catch_up(build, targets):
            pass
        standings = await read_standings(dependencies.pool, build.version)
        reached = {shard: standing.checkpoint for shard, standing in standings.items()}
        await dependencies.put_applied(build.version, reached)

    try:
        async with asyncio.timeout(_SWITCH_SECONDS):
            return await switch_version(dependencies.pool, build.version, close_gap)
    except TimeoutError:
        return False


async def _switch(build: Build, dependencies: RebuildDependencies) -> None:
    """Switch, again and again where the serving version stays ahead; raises BuildFailedError in the end."""
    for _ in range(_SWITCH_ATTEMPTS):
        if await _switch_once(build, dependencies):
            return
    message = (
        f"the serving version of {build.version.projection} is ahead of the new one after {_SWITCH_ATTEMPTS} attempts:"
        " it stands beyond the log, or the database is too slow"
    )
    raise BuildFailedError(message)


async def rebuild(projection: Projection, dependencies: RebuildDependencies, *, drops_old: bool) -> Rebuilt:
    """Build a new version of a projection and switch to it; the old one is kept, unless it is to be dropped.

    Raises RebuildRunningError, OldVersionKeptError, HistoryMissingError, BuildFailedError, NotBuildingError.
    """
    pool, tables = dependencies.pool, table_names(projection)
    async with hold_rebuild(pool, projection.name):
        await _refuse_missing_history(pool, projection)
        version, is_resumed = await begin_version(pool, projection.name)  # from here on nobody cuts the log
        await make_tables(pool, version, tables)
        await open_checkpoints(pool, version)
        build = open_build(pool, projection, version)
        await _fill(build, dependencies)
        await _look(build, Phase.INDEXING, dependencies)
        await make_indexes(pool, version, tables)
        await _switch(build, dependencies)
        standings = await read_standings(pool, version)
        if drops_old:
            await drop_kept(pool, projection.name, tables)
    events = sum(standing.checkpoint.position for standing in standings.values())
    parked = sum(len(standing.parked.roots) for standing in standings.values())
    return Rebuilt(version.version, events, is_resumed, parked)
