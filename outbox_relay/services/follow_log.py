"""Keep relaying until told to stop: pace, checks, and one clear line in the log at every change of state.

Carries the shards that this relay holds, as they come and go. Survives whatever happens to PostgreSQL and Redis:
nothing it remembers matters, so after a failure it asks the streams again where they end.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from infrastructure.log_batches import LogBatch
from outbox_relay.dependencies import RelayDependencies
from outbox_relay.records import RelayRequest, RelayStatus, ShardCondition, ShardState
from outbox_relay.services.pace import Pause, after_failure, after_pass
from outbox_relay.services.relay_batch import relay_batch

__all__ = ["follow_log"]

_CHECK_SECONDS = 1.0
"""How often every stream is compared with the log although nothing is new, and stopped shards are looked at."""

_LOG = structlog.get_logger(__name__)


class _Progress(NamedTuple):
    """What the loop remembers between passes."""

    status: RelayStatus = RelayStatus()
    pause: Pause = Pause()
    ahead: Sequence[LogBatch] = ()
    checked_at: float = float("-inf")


async def follow_log(dependencies: RelayDependencies, stop: asyncio.Event) -> None:
    """Run passes until `stop` is set; the pass under way is finished."""
    progress = _Progress()
    while not stop.is_set():
        before = progress.status
        try:
            progress = await _pass(progress, dependencies)
        except Exception as error:  # noqa: BLE001 - whatever it is, the relay goes on when it is over
            failed = _after_failure(before, dependencies.name_failure(error), error)
            progress = _Progress(failed, after_failure(progress.pause))
        _log_changes(before, progress.status)
        dependencies.report(progress.status)
        await _rest(progress.pause, dependencies, stop)


async def _pass(progress: _Progress, dependencies: RelayDependencies) -> _Progress:
    """Relay once; a check reads anew, so that also the shards that were left out take part."""
    now = dependencies.monotonic_seconds()
    is_check = now - progress.checked_at >= _CHECK_SECONDS
    known = progress.status.shards
    shards = await _held_shards(known, dependencies)
    ahead = progress.ahead if shards.keys() == known.keys() and not is_check else ()
    relayed = await relay_batch(RelayRequest(shards, is_check, ahead), dependencies)
    return _Progress(
        status=RelayStatus(relayed.shards),
        pause=after_pass(progress.pause, relayed),
        ahead=relayed.ahead,
        checked_at=now if is_check else progress.checked_at,
    )


async def _held_shards(known: Mapping[int, ShardState], dependencies: RelayDependencies) -> Mapping[int, ShardState]:
    """Return the shards held now; those that are new, or held again, must be located first."""
    held = dependencies.held_shards()
    shards = range(await dependencies.count_shards()) if held is None else sorted(held)
    return {shard: known.get(shard) or ShardState() for shard in shards}


async def _rest(pause: Pause, dependencies: RelayDependencies, stop: asyncio.Event) -> None:
    if pause.linger and not stop.is_set():
        await asyncio.sleep(pause.linger)
    if pause.wait and not stop.is_set():
        await dependencies.wait_for_wake(pause.wait)


def _after_failure(status: RelayStatus, name: str, error: Exception) -> RelayStatus:
    """Forget where the streams ended, keep what is wrong with single shards."""
    return RelayStatus(
        {
            shard: replace(state, condition=ShardCondition.LOCATING)
            if state.condition is ShardCondition.FOLLOWING
            else state
            for shard, state in status.shards.items()
        },
        trouble=f"{name}: {type(error).__name__}: {error}"[:300],
    )


def _log_changes(before: RelayStatus, after: RelayStatus) -> None:
    if after.trouble and _server(after) != _server(before):
        _LOG.error("relay waits", trouble=after.trouble)
    if before.trouble and not after.trouble:
        _LOG.info("relay goes on", trouble_was=before.trouble)
    for shard, state in after.shards.items():
        _log_shard(shard, before.shards.get(shard, ShardState()), state)


def _server(status: RelayStatus) -> str:
    return status.trouble.partition(":")[0]


def _log_shard(shard: int, before: ShardState, after: ShardState) -> None:
    if after.error and after.error != before.error:
        _LOG.error("shard " + after.condition.value, shard=shard, position=after.position, error=after.error)
    elif before.error and not after.error:
        _LOG.info("shard goes on", shard=shard, position=after.position, error_was=before.error)
    elif after.end < before.end:
        _LOG.warning("stream lost its tail, refilling", shard=shard, from_position=after.position, was=before.position)
