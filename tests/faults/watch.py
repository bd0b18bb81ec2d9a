"""How long nothing moved at most although there was something to do and the servers answered."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from infrastructure.postgres import Pool
from tests.faults.state import AWAY

__all__ = ["Stalls", "watch_stalls"]

_LOOK_SECONDS = 0.25
_PROGRESS = """
SELECT (SELECT sum(h.position) FROM log.floors f, log.head_of(f.shard) h) AS logged, min(applied) AS applied FROM (
  SELECT sum(c.position) AS applied FROM read.checkpoints c LEFT JOIN read.projections p USING (projection)
  WHERE c.version = coalesce(p.version, 1) GROUP BY c.projection) AS each_projection
"""


@dataclass(frozen=True, slots=True)
class Stalls:
    """How long each stall of some length took, in seconds."""

    seconds: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """The longest of all."""
        return max(self.seconds, default=0.0)


@asynccontextmanager
async def watch_stalls(pool: Pool) -> AsyncIterator[Stalls]:
    """Look at the slowest projection several times a second while the context lasts."""
    stalls = Stalls()
    looking = asyncio.create_task(_watch(pool, stalls))
    try:
        yield stalls
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _watch(pool: Pool, stalls: Stalls) -> None:
    since, before = time.monotonic(), -1
    while True:
        try:
            logged, applied = await pool.fetchrow(_PROGRESS)  # type: ignore[misc] # there is always one row
        except AWAY:
            since = time.monotonic()  # it is not the line's fault that a server is away
        else:
            if applied != before or applied == logged:
                stalls.seconds.append(time.monotonic() - since)
                since, before = time.monotonic(), applied
        await asyncio.sleep(_LOOK_SECONDS)
