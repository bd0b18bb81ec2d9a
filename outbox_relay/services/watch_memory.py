"""Say loudly, once each, what is dangerous about Redis's memory. Only tells: what does not fit waits in the log."""

import asyncio
from typing import Final

import structlog

from outbox_relay.dependencies import RelayDependencies
from outbox_relay.services.keep_going import Job, keep_going

__all__ = ["watch_memory"]

_EVERY_SECONDS: Final = 10.0

_LOG = structlog.get_logger(__name__)


async def watch_memory(dependencies: RelayDependencies, stop: asyncio.Event) -> None:
    """Look now and then until `stop` is set; a danger is told when it comes, and again if it comes back."""
    told: set[str] = set()

    async def run() -> None:
        dangers = await dependencies.find_memory_dangers()
        for danger in dangers.keys() - told:
            _LOG.error(dangers[danger])
        told.clear()
        told.update(dangers)

    await keep_going(Job(run, _EVERY_SECONDS, "Redis does not tell of its memory", is_told_elsewhere=True), stop)
