"""Filling a version of a projection from the log: many events a batch, short transactions, any number of processes.

The checkpoints of the version are its progress: whoever is killed is gone on with from there. Processes take shard
after shard, each for itself; two who fill the same one would do no harm, as only one of them moves it. An event that
cannot be applied parks with its root, as in the version that serves. Nothing is announced: nobody reads a version that
does not serve.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Final

from contracts.streams import EntryId
from infrastructure.archiving import explain_missing
from infrastructure.event_log import read_log
from infrastructure.postgres import Pool, is_connection_error
from infrastructure.read_checkpoints import Standing, read_standings
from infrastructure.read_store import load_bodies, save_batch
from infrastructure.read_versions import ReadVersion
from infrastructure.version_switching import claim_shard
from projectors.announcer import Announcer
from projectors.entries import Entry, ShardBatch, entry_of_row, split_by_shard
from projectors.failing import apply_one_by_one, settle
from projectors.follower import FollowDependencies, Follower
from projectors.inbox import Inbox
from projectors.projections import Projection
from projectors.services import ApplyDependencies, apply_projection

__all__ = ["Build", "BuildFailedError", "build_shards", "catch_up", "first_error", "open_build"]

_BATCH_EVENTS: Final = 2_000
_BATCH_BYTES: Final = 8_000_000
_LANES: Final = 2  # one folds while the other waits for the database
_SHARE: Final = 200
_REMEMBERED: Final = 5_000  # of a shard that is being filled: what runs for long need not be loaded again and again


class BuildFailedError(Exception):
    """A version cannot be filled, and that is no single event's fault."""


def first_error(error: BaseException) -> BaseException:
    """Return the first error of a group, which says why the others were ended, or else the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@dataclass(frozen=True, slots=True)
class Build:
    """A version of a projection that is being filled; `follower` knows its checkpoints, and nobody wakes it."""

    version: ReadVersion
    follower: Follower
    dependencies: FollowDependencies


def open_build(pool: Pool, projection: Projection, version: ReadVersion) -> Build:
    """Return what filling a version needs."""
    apply = ApplyDependencies(
        load_bodies=partial(load_bodies, pool),
        save_batch=partial(save_batch, pool, source="log.history"),
        announce=None,
        version=version.version,
        remembered=_REMEMBERED,
    )
    follower = Follower(projection, Inbox(projection), {})
    return Build(version, follower, FollowDependencies(pool, apply, Announcer({}, {})))


async def _read_standings(build: Build, shards: Collection[int] | None = None) -> dict[int, Standing]:
    """Take over where some shards of the version stand, or all, and what is parked there.

    Raises BuildFailedError where the version was given up.
    """
    standings = await read_standings(build.dependencies.pool, build.version)
    if not standings:
        message = f"version {build.version.version} of {build.version.projection} was given up"
        raise BuildFailedError(message)
    apply = build.dependencies.apply
    for shard in standings if shards is None else shards:
        standing = standings[shard]
        place = (build.follower.checkpoints.get(shard), apply.parked.get(shard))
        if place != (standing.checkpoint, standing.parked):
            build.follower.checkpoints[shard] = standing.checkpoint
            apply.parked[shard] = standing.parked
            apply.memory.pop(shard, None)
    return standings


async def _apply(build: Build, batches: Sequence[ShardBatch]) -> None:
    """Apply batches, shard by shard where all together cannot be saved; a shard that somebody else moved is read anew.

    Raises BuildFailedError, and what the database raises where it is out of reach.
    """
    follower, dependencies = build.follower, build.dependencies
    try:
        applied = await apply_projection(follower.projection, batches, dependencies.apply)
    except Exception as error:
        if is_connection_error(error):
            raise
        lost = await apply_one_by_one(follower, dependencies, batches)
    else:
        lost = settle(follower, dependencies, applied)
    for shard, reason in follower.troubles.items():
        message = f"shard {shard} of {follower.projection.name} cannot be filled: {reason}"
        raise BuildFailedError(message)
    if lost:
        await _read_standings(build, lost)


def _without_gap(after: int, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries that follow a position without one missing."""
    expected = range(after + 1, after + 1 + len(entries))
    pairs = zip(entries, expected, strict=True)
    return tuple(entry for entry, _ in takewhile(lambda pair: pair[0].id.position == pair[1], pairs))


async def _read_next(build: Build, checkpoints: Mapping[int, EntryId], limit: int) -> list[ShardBatch]:
    """Return what comes next in shards that are not at their ends; raises BuildFailedError where it is not there."""
    after = {shard: checkpoint.position for shard, checkpoint in checkpoints.items()}
    max_bytes = _BATCH_BYTES // len(after)
    rows = await read_log(build.dependencies.pool, after, limit=limit, max_bytes=max_bytes, source="log.history")
    shards = split_by_shard(map(entry_of_row, rows))
    batches = []
    for shard, position in after.items():
        entries = _without_gap(position, shards.get(shard, ()))
        if not entries:
            message = f"neither the log nor its archive holds event {position + 1} of shard {shard}"
            cure = ": `bureau archive list` shows what the archive has"
            raise BuildFailedError(await explain_missing(build.dependencies.pool, message, cure))
        batches.append(ShardBatch(shard, checkpoints[shard], entries, may_park=True))
    return batches


async def _build_shard(build: Build, shard: int) -> None:
    """Fill one shard up to the end of its log as it is now, unless another process is at it."""
    async with claim_shard(build.dependencies.pool, build.version, shard) as is_mine:
        if not is_mine:
            return
        end = (await _read_standings(build, [shard]))[shard].head.position
        while (checkpoint := build.follower.checkpoints[shard]).position < end:
            await _apply(build, await _read_next(build, {shard: checkpoint}, _BATCH_EVENTS))
    build.dependencies.apply.memory.pop(shard, None)


async def build_shards(build: Build, shards: Sequence[int]) -> None:
    """Fill some shards up to the ends of their logs, beside others who do the same.

    What others have taken, or write meanwhile, may be missing when it returns.
    """
    waiting = deque(shards)

    async def work() -> None:
        while waiting:
            await _build_shard(build, waiting.popleft())

    async with asyncio.TaskGroup() as group:
        for _ in range(_LANES):
            group.create_task(work())


async def catch_up(build: Build, targets: Mapping[int, EntryId] | None = None) -> int:
    """Apply what comes next in all shards that are behind the targets, or behind the log; return how many were behind.

    Once: call it again until it returns 0.
    """
    standings = await _read_standings(build)
    ends = {shard: standing.head for shard, standing in standings.items()} if targets is None else targets
    checkpoints = {
        shard: standings[shard].checkpoint
        for shard, end in ends.items()
        if standings[shard].checkpoint.position < end.position
    }
    if not checkpoints:
        return 0
    await _apply(build, await _read_next(build, checkpoints, _SHARE))
    return sum(ends[shard].position - checkpoint.position for shard, checkpoint in checkpoints.items())
