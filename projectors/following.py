"""Keeping one projection up with the log: take what the streams brought, fill the holes from the log, apply.

One worker serves all shards of a projection, so that what arrives while a batch is under way is applied together by the
next. Once a second the checkpoints are read and compared with the heads of the log, whatever the streams say: Redis
being down, or a crash that took commits back, costs a second. What fails is taken again from the log, from rows that
are read anew; an event that fails even so is parked with its root, and the shard goes on (`projectors.failing`). The
version that serves is kept up: where another takes over, the checkpoints of the old one are gone, and the worker begins
again.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from contracts.streams import EntryId
from infrastructure.clock import monotonic_seconds
from infrastructure.event_log import read_log
from infrastructure.merging import average_of, rest_after
from infrastructure.parking import NOTHING_PARKED
from infrastructure.postgres import is_connection_error
from infrastructure.read_checkpoints import NeverBuiltError, open_serving, read_standings
from projectors.announcer import applying, ask_for_comparison
from projectors.entries import ShardBatch, entry_of_row, split_by_shard
from projectors.failing import apply_one_by_one, settle
from projectors.follower import FollowDependencies, Follower, ProjectionSwitchedError, followed_version
from projectors.inbox import discard_shard, fall_behind, take, wait_for_work
from projectors.releasing import release_some
from projectors.services import apply_projection

__all__ = ["BATCH_ENTRIES", "follow_projection"]

BATCH_ENTRIES: Final = 1_000
_PART_ENTRIES: Final = 250
_LOG_BYTES: Final = 2_000_000
_TICK_SECONDS: Final = 1.0
_FIRST_REST_SECONDS: Final = 0.00005
_LONGEST_REST_SECONDS: Final = 0.025
"""After what is no backlog: at 300 events a second nobody waits, at 1,300 thirty share a write."""
_BACKLOG_ENTRIES: Final = 200
_RECONNECT_SECONDS: Final = 0.5
_NOWHERE: Final = EntryId(0, 0)


async def _compare_with_log(follower: Follower, dependencies: FollowDependencies, *, is_first: bool = False) -> None:
    """Take over the committed checkpoints of the own shards; note those whose log goes on while the inbox has nothing.

    The first time nothing is noted: what the streams hold comes from there, what they don't is noted a second later.
    Raises ProjectionSwitchedError.
    """
    standings = await read_standings(dependencies.pool, followed_version(follower, dependencies))
    if not standings:
        raise ProjectionSwitchedError
    held = dependencies.held()
    standings = {shard: standing for shard, standing in standings.items() if held is None or shard in held}
    committed = {shard: standing.checkpoint for shard, standing in standings.items()}
    parked = {shard: standing.parked for shard, standing in standings.items()}
    for shard in follower.checkpoints.keys() - committed.keys():
        _let_go(follower, shard)
    if committed != follower.checkpoints or parked != dependencies.apply.parked:
        follower.checkpoints.clear()
        follower.checkpoints.update(committed)
        dependencies.apply.parked.clear()
        dependencies.apply.parked.update(parked)
        dependencies.apply.memory.clear()
        ask_for_comparison(dependencies.announcer, follower.projection.name)
    for shard, (checkpoint, head, _) in standings.items():
        if not is_first and checkpoint.position < head.position and not follower.inbox.queues.get(shard):
            fall_behind(follower.inbox, shard, head.position)
    follower.resting.clear()
    follower.has_begun.set()


def _let_go(follower: Follower, shard: int) -> None:
    """Forget what waits of a shard that is somebody else's to work on."""
    discard_shard(follower.inbox, shard)
    follower.inbox.behind.pop(shard, None)
    follower.suspects.discard(shard)
    follower.troubles.pop(shard, None)


def _working(follower: Follower) -> dict[int, EntryId]:
    """Return the checkpoints of the shards that go on."""
    return {shard: checkpoint for shard, checkpoint in follower.checkpoints.items() if shard not in follower.resting}


async def _fill_from_log(
    follower: Follower, dependencies: FollowDependencies, checkpoints: Mapping[int, EntryId], limit: int
) -> list[ShardBatch]:
    """Return what comes next, from the log, in the shards that are behind."""
    behind = follower.inbox.behind
    known = follower.checkpoints
    for shard in [shard for shard, target in behind.items() if known.get(shard, _NOWHERE).position >= target]:
        del behind[shard]
    after = {shard: checkpoint.position for shard, checkpoint in checkpoints.items() if shard in behind}
    if not after:
        return []
    share = max(1, limit // len(after))
    rows = await read_log(dependencies.pool, after, limit=share, max_bytes=max(1, _LOG_BYTES // len(after)))
    shards = split_by_shard(entry_of_row(row) for row in rows)
    for shard in after.keys() - shards.keys():
        del behind[shard]  # the log ends here, whatever a stream said
    return [
        ShardBatch(shard, checkpoints[shard], tuple(entries), may_park=shard in follower.suspects)
        for shard, entries in shards.items()
    ]


async def _next_batch(follower: Follower, dependencies: FollowDependencies) -> list[ShardBatch]:
    """Return what comes next in every shard, from the streams where possible."""
    checkpoints = _working(follower)
    batches = take(follower.inbox, checkpoints, BATCH_ENTRIES)
    taken = {batch.shard for batch in batches}
    room = BATCH_ENTRIES - sum(len(batch.entries) for batch in batches)
    others = {shard: checkpoint for shard, checkpoint in checkpoints.items() if shard not in taken}
    if room > 0:
        batches += await _fill_from_log(follower, dependencies, others, room)
    if not checkpoints.keys().isdisjoint(follower.inbox.behind):
        follower.inbox.has_work.set()
    return batches


async def _apply(follower: Follower, dependencies: FollowDependencies, batches: Sequence[ShardBatch]) -> frozenset[int]:
    """Apply a batch; return the shards that could not move. Raises where the database is out of reach."""
    try:
        applied = await apply_projection(follower.projection, batches, dependencies.apply)
    except Exception as error:
        if is_connection_error(error):
            raise
        return await apply_one_by_one(follower, dependencies, batches)
    return settle(follower, dependencies, applied)


def _in_parts(batches: Sequence[ShardBatch]) -> list[list[ShardBatch]]:
    """Return batches in parts of some hundred entries: while one is saved, the next is folded."""
    parts: list[list[ShardBatch]] = [[]]
    entries = 0
    for batch in batches:
        if entries >= _PART_ENTRIES:
            parts.append([])
            entries = 0
        parts[-1].append(batch)
        entries += len(batch.entries)
    return parts


async def _step(follower: Follower, dependencies: FollowDependencies) -> int:
    """Apply what comes next, once; return how many entries that were."""
    batches = await _next_batch(follower, dependencies)
    if not batches:
        return 0
    with applying(dependencies.announcer, follower.projection.name):
        parts = [_apply(follower, dependencies, part) for part in _in_parts(batches)]
        outcomes = await asyncio.gather(*parts, return_exceptions=True)
    lost: list[int] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        lost += outcome
    if lost:
        await _find_out(follower, dependencies, lost)
    return sum(len(batch.entries) for batch in batches)


async def _find_out(follower: Follower, dependencies: FollowDependencies, lost: Collection[int]) -> None:
    """Read again where everything stands; where nobody else has been, a stream brought what the log does not hold."""
    parked = dependencies.apply.parked
    expected = {shard: (follower.checkpoints.get(shard), parked.get(shard, NOTHING_PARKED)) for shard in lost}
    await _compare_with_log(follower, dependencies)
    for shard, (checkpoint, roots) in expected.items():
        is_same = follower.checkpoints.get(shard) == checkpoint and parked.get(shard) == roots
        if checkpoint is not None and is_same:
            _drop_ghosts(follower, shard, checkpoint)


def _drop_ghosts(follower: Follower, shard: int, checkpoint: EntryId) -> None:
    """Leave what a stream brought and the log does not hold: nobody else moved the shard, and the log is the truth."""
    if shard not in follower.haunted:
        follower.haunted.add(shard)
        structlog.get_logger(__name__).error(
            "stream_differs_from_log", projection=follower.projection.name, shard=shard, after=str(checkpoint)
        )
    discard_shard(follower.inbox, shard)
    fall_behind(follower.inbox, shard, checkpoint.position + 1)


async def _follow(follower: Follower, dependencies: FollowDependencies) -> None:
    """Follow the version that serves until something raises."""
    name = follower.projection.name
    version = (await open_serving(dependencies.pool, name)).version
    dependencies.apply.memory.clear()
    follower.haunted.clear()
    dependencies.announcer.versions[name] = version
    dependencies = replace(dependencies, apply=replace(dependencies.apply, version=version))
    await _compare_with_log(follower, dependencies, is_first=True)
    next_tick = monotonic_seconds() + _TICK_SECONDS
    is_releasing, carried = True, 0.0
    while True:
        if monotonic_seconds() >= next_tick or follower.is_shared_anew.is_set():
            follower.is_shared_anew.clear()
            await _compare_with_log(follower, dependencies)
            next_tick = monotonic_seconds() + _TICK_SECONDS
            is_releasing = True
        if is_releasing:
            is_releasing = await release_some(follower, dependencies)
        entries = await _step(follower, dependencies)
        if 0 < entries < _BACKLOG_ENTRIES:
            carried = average_of(carried, entries)
            rest = rest_after(carried, first_seconds=_FIRST_REST_SECONDS, longest_seconds=_LONGEST_REST_SECONDS)
            await asyncio.sleep(rest)
        await wait_for_work(follower.inbox, 0.0 if is_releasing else max(0.0, next_tick - monotonic_seconds()))


async def follow_projection(follower: Follower, dependencies: FollowDependencies) -> None:
    """Follow until cancelled; where the database is out of reach, begin again with the committed checkpoints."""
    log = structlog.get_logger(__name__).bind(projection=follower.projection.name)
    is_reached = True
    while True:
        try:
            await _follow(follower, dependencies)
        except ProjectionSwitchedError:
            log.info("projection_switched")
        except NeverBuiltError:
            if is_reached:
                name = follower.projection.name
                log.error(  # noqa: TRY400 - nothing broke
                    "projection_never_built", why="the log was cut before it began", helps=f"bureau rebuild {name}"
                )
            is_reached = False
            await asyncio.sleep(_TICK_SECONDS)
        except Exception as error:
            if not is_connection_error(error):
                log.exception("projection_failed")
            elif is_reached:
                log.warning("database_out_of_reach", error=type(error).__name__)
            is_reached = False
            await asyncio.sleep(_RECONNECT_SECONDS)
