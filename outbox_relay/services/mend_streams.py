"""Mend streams that a stranger damaged: say what is missing, and let them begin anew where they were trimmed.

Looks at this relay's shards every two seconds. Leaves alone what it cannot judge: while a server is out of reach, and
where the log does not hold what the stream ends with.
"""

import asyncio
import contextlib

import structlog

from infrastructure.stream_repair import Damage
from outbox_relay.dependencies import RelayDependencies
from outbox_relay.records import RelayStatus, ShardCondition

__all__ = ["mend_streams"]

_EVERY_SECONDS = 2.0

_LOG = structlog.get_logger(__name__)


async def mend_streams(dependencies: RelayDependencies, stop: asyncio.Event) -> None:
    """Look and mend until `stop` is set. What cannot be mended is told once."""
    told: frozenset[str] = frozenset()
    while not stop.is_set():
        # A server that cannot be asked is told by whoever carries.
        with contextlib.suppress(Exception):
            found = await dependencies.find_damage(_shards(dependencies.read_status()))
            for damage in found:
                await _mend(damage, dependencies, is_told=_name(damage) in told)
            told = frozenset(map(_name, found))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _EVERY_SECONDS)


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
