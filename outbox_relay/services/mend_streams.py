"""Mend streams that a stranger damaged: say what is missing, and let them begin anew where they were trimmed.

Looks at this relay's shards every two seconds. Leaves alone what it cannot judge: while a server is out of reach, and
where the log does not hold what the stream ends with.
"""

import asyncio
from typing import Final

import structlog

from infrastructure.stream_repair import Damage
from outbox_relay.dependencies import RelayDependencies
from outbox_relay.records import RelayStatus, ShardCondition
from outbox_relay.services.keep_going import Job, keep_going

__all__ = ["mend_streams"]

_EVERY_SECONDS: Final = 2.0

_LOG = structlog.get_logger(__name__)


async def mend_streams(dependencies: RelayDependencies, stop: asyncio.Event) -> None:
    """Look and mend until `stop` is set. What cannot be mended is told once."""
    told: set[str] = set()

    async def run() -> None:
        found = await dependencies.find_damage(_shards(dependencies.read_status()))
        for damage in found:
            await _mend(damage, dependencies, is_told=_name(damage) in told)
        told.clear()
        told.update(map(_name, found))

    await keep_going(Job(run, _EVERY_SECONDS, "streams could not be looked at", is_told_elsewhere=True), stop)


async def _mend(damage: Damage, dependencies: RelayDependencies, *, is_told: bool) -> None:
    if damage.is_mendable:
        if await dependencies.clear_stream(damage.shard, damage.shape):
            _LOG.warning("stream was damaged, filling it anew", shard=damage.shard, damage=damage.words)
    elif not is_told:
        _LOG.error("stream is damaged, and the log lacks what it held", shard=damage.shard, damage=damage.words)


def _shards(status: RelayStatus) -> list[int]:
    if status.trouble:
        return []
    judged = {ShardCondition.FOLLOWING, ShardCondition.STOPPED}
    return [shard for shard, state in status.shards.items() if state.condition in judged]


def _name(damage: Damage) -> str:
    return f"{damage.shard} {damage.words}"
