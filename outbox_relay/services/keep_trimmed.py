"""Trim the streams behind whoever reads them: the floor is written first, so that a crash in between loses nothing.

A stream that was lost begins at its floor again. A reader that lags so far that the limit will bite is told of in the
log before it does, and in `bureau status`.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import structlog

from infrastructure.readers import GroupKey, ReaderStanding
from infrastructure.stream_trimming import WARNING_SHARE
from outbox_relay.keeping import KeepingDependencies
from outbox_relay.services.keep_going import Job, keep_going

__all__ = ["keep_trimmed", "trim_once"]

_EVERY_SECONDS: Final = 2.0

_LOG = structlog.get_logger(__name__)


async def keep_trimmed(dependencies: KeepingDependencies, stop: asyncio.Event) -> None:
    """Look every two seconds until `stop` is set."""
    told: set[GroupKey] = set()

    async def run() -> None:
        late = await trim_once(dependencies)
        for key in sorted(late - told):
            _LOG.warning("a reader lags so far that its events will be trimmed", reader=key.reader, shard=key.shard)
        told.clear()
        told.update(late)

    await keep_going(Job(run, _EVERY_SECONDS, "the streams could not be trimmed"), stop)


async def trim_once(dependencies: KeepingDependencies) -> set[GroupKey]:
    """Raise the floors, cut the streams there, and return the readers that are close to the limit."""
    shards = await dependencies.list_shards()
    streams = await dependencies.read_streams(shards) if shards else {}
    if not streams:
        return set()
    floors = await dependencies.raise_floors(streams, dependencies.retention)
    await dependencies.record_trimming(await dependencies.trim_streams(floors, streams))
    return _find_late(await dependencies.read_standings(), streams.keys(), dependencies.retention.limit)


def _find_late(readers: Sequence[ReaderStanding], shards: Collection[int], limit: int) -> set[GroupKey]:
    return {row.key for row in readers if row.key.shard in shards and row.lag > WARNING_SHARE * limit}
