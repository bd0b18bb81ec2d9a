"""What becomes of a batch, and of what fails in it: taken again from the log first, then parked with its root alone.

A first failure says little: a stream may be damaged, what is remembered may be of old. So the shard is read again, from
the log and from rows that are loaded anew. What fails even then is parked: at once where the fold names the event,
where the database refuses a batch by halving it until one event is left. What is no event's fault is tried for ever.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from infrastructure.postgres import is_connection_error, is_database_error, is_refused_value
from projectors.entries import ShardBatch
from projectors.follower import FollowDependencies, Follower
from projectors.inbox import discard_shard, fall_behind
from projectors.services import Applied, Failure, apply_projection, explain, park_entry

__all__ = ["apply_one_by_one", "is_of_an_event", "settle"]


def settle(follower: Follower, dependencies: FollowDependencies, applied: Applied) -> frozenset[int]:
    """Take over what became of a batch; return the shards that could not move, so that all must be read again."""
    for shard in applied.lost | applied.failures.keys():
        dependencies.apply.memory.pop(shard, None)
    follower.checkpoints.update(applied.moved)
    for shard in applied.moved.keys() - applied.failures.keys():
        follower.suspects.discard(shard)
        follower.troubles.pop(shard, None)
    for shard, failure in applied.failures.items():
        _suspect(follower, shard, failure)
    _log_parked(follower, applied)
    return applied.lost


def _suspect(follower: Follower, shard: int, failure: Failure) -> None:
    """Have a shard read again from the log, where what fails once more is parked.

    No warning: most often another process was faster, and what was remembered is of old. What is parked is an error.
    """
    where = {"projection": follower.projection.name, "shard": shard, "at": str(failure.at)}
    structlog.get_logger(__name__).info("event_taken_again_from_the_log", error=failure.error, **where)
    follower.suspects.add(shard)
    discard_shard(follower.inbox, shard)
    fall_behind(follower.inbox, shard, failure.at.position)


def _log_parked(follower: Follower, applied: Applied) -> None:
    """Say loudly which roots are parked from now on."""
    log = structlog.get_logger(__name__)
    for shard, events in applied.parked.items():
        for held in events:
            where = {"projection": follower.projection.name, "shard": shard, "at": str(held.entry.id)}
            log.error("root_parked", root=str(held.entry.root), error=held.error, **where)


def is_of_an_event(error: Exception) -> bool:
    """Tell whether an error is the fault of what was to be saved, and not of the database or the way there."""
    return is_refused_value(error) or not (is_database_error(error) or isinstance(error, MemoryError))


async def _apply_halving(follower: Follower, dependencies: FollowDependencies, batch: ShardBatch) -> frozenset[int]:
    """Apply one shard's entries; where they can't be saved, each half in turn, until the one at fault is parked.

    Returns the shard where it could not move. Raises what is no event's fault.
    """
    try:
        applied = await apply_projection(follower.projection, [batch], dependencies.apply)
    except Exception as error:
        if not is_of_an_event(error):
            raise
        if len(batch.entries) > 1:
            return await _apply_halves(follower, dependencies, batch)
        applied = await park_entry(follower.projection, batch, explain(error), dependencies.apply)
    return settle(follower, dependencies, applied)


async def _apply_halves(follower: Follower, dependencies: FollowDependencies, batch: ShardBatch) -> frozenset[int]:
    """Apply the first half of some entries, then the second where the first ended."""
    middle = len(batch.entries) // 2
    if lost := await _apply_halving(follower, dependencies, replace(batch, entries=batch.entries[:middle])):
        return lost
    rest = replace(batch, checkpoint=follower.checkpoints[batch.shard], entries=batch.entries[middle:])
    return await _apply_halving(follower, dependencies, rest)


async def _apply_alone(follower: Follower, dependencies: FollowDependencies, batch: ShardBatch) -> frozenset[int]:
    """Apply one shard's entries; where they can't be saved, only note it, unless they may be parked."""
    if batch.may_park:
        return await _apply_halving(follower, dependencies, batch)
    try:
        applied = await apply_projection(follower.projection, [batch], dependencies.apply)
    except Exception as error:
        if not is_of_an_event(error):
            raise
        failure = Failure(batch.entries[-1].id, explain(error))
        applied = Applied({}, frozenset(), {batch.shard: failure})
    return settle(follower, dependencies, applied)


async def apply_one_by_one(
    follower: Follower, dependencies: FollowDependencies, batches: Sequence[ShardBatch]
) -> frozenset[int]:
    """Apply shard by shard after the whole failed, so that only the shard at fault is held up.

    Returns the shards that could not move. Raises where the database is out of reach.
    """
    lost: frozenset[int] = frozenset()
    for batch in batches:
        try:
            lost |= await _apply_alone(follower, dependencies, batch)
        except Exception as error:
            if is_connection_error(error):
                raise
            _rest(follower, dependencies, batch, error)
    return lost


def _rest(follower: Follower, dependencies: FollowDependencies, batch: ShardBatch, error: Exception) -> None:
    """Leave a shard alone until the next tick, when it is read again from the log."""
    reason = explain(error)
    if follower.troubles.get(batch.shard) != reason:
        log = structlog.get_logger(__name__)
        log.error("shard_waits", projection=follower.projection.name, shard=batch.shard, error=reason)
    follower.troubles[batch.shard] = reason
    follower.resting.add(batch.shard)
    dependencies.apply.memory.pop(batch.shard, None)
    discard_shard(follower.inbox, batch.shard)
    fall_behind(follower.inbox, batch.shard, batch.entries[-1].id.position)
