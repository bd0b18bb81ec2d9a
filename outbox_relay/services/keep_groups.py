"""Note how far the consumer groups of registered readers have come, and make those again that Redis lost.

Reads the groups' own positions, which are the truth while they exist; log.readers is where they are made again from.
A position is noted late, never early: a group that is made again gives some events once more, and skips none.
"""

import asyncio
from typing import Final

import structlog

from outbox_relay.keeping import KeepingDependencies
from outbox_relay.services.keep_going import Job, keep_going

__all__ = ["keep_groups", "keep_groups_once"]

_EVERY_SECONDS: Final = 1.0

_LOG = structlog.get_logger(__name__)


async def keep_groups(dependencies: KeepingDependencies, stop: asyncio.Event) -> None:
    """Look every second until `stop` is set."""
    job = Job(
        lambda: keep_groups_once(dependencies), _EVERY_SECONDS, "consumer groups of readers could not be looked after"
    )
    await keep_going(job, stop)


async def keep_groups_once(dependencies: KeepingDependencies) -> None:
    """Make the missing groups where they stood, and note where the others stand."""
    saved = {row.key: row.entry for row in await dependencies.read_positions(await dependencies.list_shards())}
    if not saved:
        return
    standing = await dependencies.read_groups(saved)
    missing = {key: entry for key, entry in saved.items() if key not in standing}
    if missing:
        for reader in sorted({key.reader for key in await dependencies.create_groups(missing)}):
            _LOG.warning("made the consumer groups of a reader again that were missing", reader=reader)
    moved = {key: entry for key, entry in standing.items() if entry != saved[key]}
    if moved:
        await dependencies.save_positions(moved)
