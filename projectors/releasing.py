"""Letting parked events go when somebody asks: replayed in order by the projection, never beside its live batch.

Runs between two batches of the same worker, and the checkpoint row fences other processes, so that nothing else of the
shard moves meanwhile. A step is one transaction of some events; a process that dies in between leaves the rest parked
and the request open. The first event that fails again ends the request, and everything from it on stays parked.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from infrastructure.parking import NOTHING_PARKED, ParkedRoots
from infrastructure.postgres import is_connection_error
from infrastructure.releasing import (
    Hold,
    ParkedRow,
    PendingRequest,
    Release,
    read_parked_events,
    read_pending_requests,
    save_release,
)
from projectors.announcer import announce
from projectors.failing import is_of_an_event
from projectors.follower import FollowDependencies, Follower, followed_version
from projectors.services import NOTHING_REPLAYED, Replayed, explain, replay, step_over

__all__ = ["release_some"]

_EVENTS_A_STEP: Final = 500
_NOT_FIRST: Final = "it is not the first event that waits, or does not wait at all; only the first can be skipped"


async def release_some(follower: Follower, dependencies: FollowDependencies) -> bool:
    """Do a step of each request that waits for this worker; tell whether more is to do at once.

    Costs nothing while nothing was ever parked. A step that finds the shard moved is done again with the next tick.
    """
    if all(roots.revision is None for roots in dependencies.apply.parked.values()):
        return False
    version = followed_version(follower, dependencies)
    is_more = False
    for request in await read_pending_requests(dependencies.pool, version):
        if request.shard in follower.checkpoints:
            is_more |= await _try_step(follower, dependencies, request)
    return is_more


async def _try_step(follower: Follower, dependencies: FollowDependencies, request: PendingRequest) -> bool:
    """Do a step of one request, whatever comes of it: the live batches go on, and the next tick tries again."""
    try:
        return await _step(follower, dependencies, request)
    except Exception as error:
        if is_connection_error(error):
            raise
        log = structlog.get_logger(__name__)
        log.exception("release_failed", projection=follower.projection.name, root=str(request.root_id))
        return False


async def _step(follower: Follower, dependencies: FollowDependencies, request: PendingRequest) -> bool:
    """Decide on the next step of a request and save it; tell whether more is to do."""
    known = dependencies.apply.parked.get(request.shard, NOTHING_PARKED)
    hold = Hold(follower.checkpoints[request.shard], known.revision)
    version = followed_version(follower, dependencies)
    rows = await read_parked_events(dependencies.pool, version, request, _EVENTS_A_STEP + 1)
    if request.root_id not in known.roots or not rows:
        return await _save(follower, dependencies, Release(request, hold, outcome="released"))
    if request.action == "retry" or request.is_skipped:
        return await _replay_some(follower, dependencies, Release(request, hold), rows)
    if request.position != rows[0].row.position:  # another request may have let it go
        return await _save(follower, dependencies, Release(request, hold, outcome="refused", error=_NOT_FIRST))
    replayed = await step_over(follower.projection, rows[0], dependencies.apply)
    skipped = replace(_release(request, hold, rows, replayed, applied=0), is_skipped=True)
    return await _save(follower, dependencies, skipped, replayed)


async def _replay_some(
    follower: Follower, dependencies: FollowDependencies, start: Release, rows: Sequence[ParkedRow]
) -> bool:
    """Replay the first events of a root, fewer where their rows can't be saved; where one is left, it has failed."""
    request, hold = start.request, start.hold
    size = min(len(rows), _EVENTS_A_STEP)
    while True:
        replayed = await replay(follower.projection, rows[:size], dependencies.apply)
        applied = sum(each.row.position <= replayed.until for each in rows[:size])
        release = _release(request, hold, rows, replayed, applied=applied)
        try:
            return await _save(follower, dependencies, release, replayed)
        except Exception as error:
            if not is_of_an_event(error):
                raise
            if size == 1:
                position = rows[0].row.position
                failed = Release(request, hold, outcome="failed_again", error=explain(error), failed_position=position)
                return await _save(follower, dependencies, failed)
            size //= 2


def _release(
    request: PendingRequest, hold: Hold, rows: Sequence[ParkedRow], replayed: Replayed, *, applied: int
) -> Release:
    """Return what becomes of a root of which these are the first parked events."""
    left = [each.row.position for each in rows if each.row.position > replayed.until]
    outcome = "failed_again" if replayed.failure else None if left else "released"
    return Release(
        request,
        hold,
        until=replayed.until,
        is_last=not left,
        applied=applied,
        outcome=outcome,
        error=replayed.failure.error if replayed.failure else None,
        failed_position=left[0] if left else None,
    )


async def _save(
    follower: Follower, dependencies: FollowDependencies, release: Release, replayed: Replayed = NOTHING_REPLAYED
) -> bool:
    """Save a step, take over what it leaves behind and have cached answers forgotten; tell whether more is to do."""
    projection, request = follower.projection, release.request
    version = followed_version(follower, dependencies)
    revision = await save_release(dependencies.pool, version, release, replayed.tables)
    if revision is None:
        return False
    apply = dependencies.apply
    roots = apply.parked.get(request.shard, NOTHING_PARKED).roots
    gone = {request.root_id} if release.is_last else set()
    apply.parked[request.shard] = ParkedRoots(revision, roots - gone)
    apply.memory.pop(request.shard, None)
    stamps = dict.fromkeys(map(version.qualify, replayed.tags), f"{projection.name}/{revision}")
    # The position is where it was; who keeps answers in memory goes by notices of it.
    announce(dependencies.announcer, version, {request.shard: release.hold.checkpoint}, stamps)
    structlog.get_logger(__name__).info(
        "parked_events_released" if release.until else "release_ended",
        projection=projection.name,
        root=str(request.root_id),
        action=request.action,
        applied=release.applied,
        outcome=release.outcome,
        error=release.error,
    )
    return release.outcome is None
