"""How far the slowest projection is behind the log, and how long nothing moved although there was something to do."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from infrastructure.postgres import Pool
from tests.faults.away import AWAY

__all__ = ["Progress", "watch_progress"]

_LOOK_SECONDS = 0.25
_PROGRESS = """
SELECT (SELECT sum(h.position) FROM log.floors f, log.head_of(f.shard) h) AS logged, min(applied) AS applied FROM (
  SELECT sum(c.position) AS applied FROM read.checkpoints c LEFT JOIN read.projections p USING (projection)
  WHERE c.version = coalesce(p.version, 1) GROUP BY c.projection) AS each_projection
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How long each stall took, in seconds, the last one maybe until nobody looked any more.

    And each time how many events the log and the slowest projection had.
    """

    stalls: list[float] = field(default_factory=list)
    seen: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])

    @property
    def longest_stall(self) -> float:
        """In seconds; 0 before the first look."""
        return max(self.stalls, default=0.0)

    @property
    def events(self) -> int:
        """How many events the log had when it was last looked at."""
        return self.seen[-1][0]

    @property
    def lag(self) -> int:
        """By how many events the slowest projection was behind then."""
        logged, applied = self.seen[-1]
        return logged - applied


@asynccontextmanager
async def watch_progress(pool: Pool, progress: Progress) -> AsyncIterator[None]:
    """Look at the slowest projection several times a second while the context lasts."""
    looking = asyncio.create_task(_watch(pool, progress))
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def _watch(pool: Pool, progress: Progress) -> None:
    since, before = time.monotonic(), -1
    try:
        while True:
            try:
                logged, applied = await pool.fetchrow(_PROGRESS)  # type: ignore[misc] # there is always one row
            except AWAY:
                since = time.monotonic()  # it is not the line's fault that a server is away
            else:
                progress.seen.append((int(logged or 0), int(applied or 0)))
                if applied != before or applied == logged:
                    progress.stalls.append(time.monotonic() - since)
                    since, before = time.monotonic(), applied
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        progress.stalls.append(time.monotonic() - since)
