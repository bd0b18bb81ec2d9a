"""Archive the old part of the log where a retention is set; without one the log is kept for ever."""

import asyncio
from typing import Final

import structlog

from outbox_relay.keeping import KeepingDependencies
from outbox_relay.services.keep_going import Job, keep_going

__all__ = ["archive_once", "keep_retention"]

_EVERY_SECONDS: Final = 60.0

_LOG = structlog.get_logger(__name__)


async def keep_retention(dependencies: KeepingDependencies, stop: asyncio.Event) -> None:
    """Look every minute until `stop` is set."""
    if dependencies.retention.log_days:
        job = Job(lambda: archive_once(dependencies), _EVERY_SECONDS, "the log could not be archived")
        await keep_going(job, stop)


async def archive_once(dependencies: KeepingDependencies) -> None:
    """Archive what nobody needs any more, and note who keeps the rest."""
    streams = await dependencies.read_streams(range(await dependencies.count_shards()))
    partitions, words = await dependencies.archive_log(streams)
    await dependencies.record_archiving(partitions, words)
    if partitions:
        _LOG.info("archived partitions of the log", partitions=partitions)
