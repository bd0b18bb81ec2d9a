"""Make the log's partitions ahead of time, so that an append never finds none."""

import asyncio
import contextlib

import structlog

from outbox_relay.dependencies import RelayDependencies

__all__ = ["keep_partitions"]

_EVERY_SECONDS = 60.0
_RETRY_SECONDS = 2.0

_LOG = structlog.get_logger(__name__)


async def keep_partitions(dependencies: RelayDependencies, stop: asyncio.Event) -> None:
    """Look every minute until `stop` is set; after a failure again soon, told once."""
    has_failed = False
    while not stop.is_set():
        try:
            made = await dependencies.ensure_partitions()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may go through
            if not has_failed:
                _LOG.warning(
                    "partitions of the log could not be looked after", error=f"{type(error).__name__}: {error}"
                )
            has_failed = True
        else:
            has_failed = False
            if made:
                _LOG.info("made partitions of the log", partitions=made)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _RETRY_SECONDS if has_failed else _EVERY_SECONDS)
