"""Say loudly, once each, what is dangerous about Redis's memory. Only tells: what does not fit waits in the log."""

import asyncio
import contextlib

import structlog

from outbox_relay.dependencies import RelayDependencies

__all__ = ["watch_memory"]

_EVERY_SECONDS = 10.0

_LOG = structlog.get_logger(__name__)


async def watch_memory(dependencies: RelayDependencies, stop: asyncio.Event) -> None:
    """Look now and then until `stop` is set; a danger is told when it comes, and again if it comes back."""
    told: frozenset[str] = frozenset()
    while not stop.is_set():
        # A Redis that cannot be asked is told by whoever writes to it.
        with contextlib.suppress(Exception):
            dangers = await dependencies.find_memory_dangers()
            for danger in dangers.keys() - told:
                _LOG.error(dangers[danger])
            told = frozenset(dangers)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _EVERY_SECONDS)
