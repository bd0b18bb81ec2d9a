"""Make the log's partitions ahead of time, so that an append never finds none."""

import asyncio

import structlog

from outbox_relay.dependencies import RelayDependencies
from outbox_relay.services.keep_going import Job, keep_going

__all__ = ["keep_partitions"]

_EVERY_SECONDS = 60.0

_LOG = structlog.get_logger(__name__)


async def keep_partitions(dependencies: RelayDependencies, stop: asyncio.Event) -> None:
    """Look every minute until `stop` is set."""

    async def run() -> None:
        if made := await dependencies.ensure_partitions():
            _LOG.info("made partitions of the log", partitions=made)

    await keep_going(Job(run, _EVERY_SECONDS, "partitions of the log could not be looked after"), stop)
