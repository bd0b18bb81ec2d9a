"""Purging receipts: what a client may still repeat is kept, what is older than the setting goes, in small batches.

Any number of replicas may purge at once. A repeated command whose receipt is gone is carried out anew, so the setting
is the time within which a repetition is safe. Heartbeats, and commands without a client's key, are kept for an hour.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from infrastructure.postgres import is_connection_error

__all__ = ["PurgingDependencies", "open_purging", "purge_old_receipts"]

_LOOK_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.05
_BATCH: Final = 1_000
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PurgingDependencies:
    """What removes at most so many receipts and tells how many it removed, and what notes a run for the status."""

    purge: Callable[[int], Awaitable[int]]
    record: Callable[[int], Awaitable[None]]


async def purge_old_receipts(dependencies: PurgingDependencies) -> int:
    """Purge batch after batch until nothing old is left, with a pause between them; return how many went."""
    purged = 0
    while (batch := await dependencies.purge(_BATCH)) == _BATCH:
        purged += batch
        await asyncio.sleep(_PAUSE_SECONDS)
    await dependencies.record(purged + batch)
    return purged + batch


async def _run(dependencies: PurgingDependencies) -> None:
    """Purge every minute; what goes wrong is told once and tried again."""
    has_failed = False
    while True:
        try:
            purged = await purge_old_receipts(dependencies)
            has_failed = False
            if purged:
                _LOG.info("purged receipts", receipts=purged)
        except Exception as error:  # noqa: BLE001 - the next look is the remedy; a bug is logged with its place
            if not has_failed:
                _LOG.warning("receipts could not be purged", exc_info=not is_connection_error(error))
            has_failed = True
        await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def open_purging(dependencies: PurgingDependencies) -> AsyncIterator[None]:
    """Purge while the context lasts."""
    runner = asyncio.create_task(_run(dependencies))
    try:
        yield
    finally:
        runner.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await runner
