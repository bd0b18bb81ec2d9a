"""The storm: commands without end, everybody killed at every step, servers emptied, restarted and put back; a seed."""

import asyncio
import time
from contextlib import suppress

from redis.exceptions import RedisError

from bureau.verification import Report, Scope, verify
from infrastructure.postgres import Pool
from tests.faults.crew import SLOTS
from tests.faults.strikes import Storm, strike_servers

__all__ = ["rage", "settle"]

_TICK_SECONDS = 0.05
_ROUND_SECONDS = 5.0
_ROUNDS_BETWEEN_LOOKS = 3
_LOOKS = 3


async def rage(storm: Storm, *, kills: int, events: int, most_seconds: float) -> list[Report]:
    """Go on until so many processes were killed and so many events written; look at the whole after each round."""
    deadline = time.monotonic() + most_seconds
    reports: list[Report] = []
    while (storm.crew.kills < kills or await count_events(storm.pool) < events) and time.monotonic() < deadline:
        for _ in range(_ROUNDS_BETWEEN_LOOKS):
            await _rage_a_round(storm)
            if storm.crew.broken or time.monotonic() > deadline:
                return reports
        reports.append(await _look(storm))
        if reports[-1].differences:
            break
    return reports


async def count_events(pool: Pool) -> int:
    """Return how many events the log holds."""
    found: int = await pool.fetchval("SELECT coalesce(sum(h.position), 0) FROM log.floors f, log.head_of(f.shard) h")
    return found


async def settle(storm: Storm) -> Report:
    """Stop the writers, let one relay and one projector bring everything to its end, and look at all of it."""
    for slot in list(storm.crew.running):
        storm.crew.end(slot)
    storm.crew.start("relay-1", is_armed=False)
    storm.crew.start("projectors-1", is_armed=False)
    return await _look(storm, is_deep=True)


async def _look(storm: Storm, *, is_deep: bool = True) -> Report:
    """Verify while the writers go on; everybody else has been left in peace for a moment."""
    storm.crew.proceed()
    scope = Scope(is_deep=is_deep, patience_seconds=60.0)
    started = time.monotonic()
    report = await _verify(storm, scope)
    print(  # noqa: T201 - how far it came, shown where the test fails
        f"{report.events} events, {storm.crew.kills} kills, {dict(storm.done)}, "
        f"verified in {time.monotonic() - started:.1f} s: {report.different} differences"
    )
    return report


async def _verify(storm: Storm, scope: Scope) -> Report:
    """Verify; where a server does not answer in time on a busy machine, once more from the beginning."""
    for _ in range(_LOOKS):
        with suppress(RedisError, OSError, TimeoutError):
            return await verify(storm.pool, storm.redis, scope)
    return await verify(storm.pool, storm.redis, scope)


async def _rage_a_round(storm: Storm) -> None:
    """Arm everybody, kill at random, and do one thing to a server."""
    crew, randomness = storm.crew, storm.randomness
    begins = time.monotonic()
    strikes_at = begins + randomness.uniform(0.0, 2.0)
    blow: asyncio.Task[None] | None = None
    while time.monotonic() < begins + _ROUND_SECONDS or blow is None or not blow.done():
        if blow is None and time.monotonic() > strikes_at:
            blow = asyncio.create_task(strike_servers(storm))
        crew.replace_dead(is_armed=True)
        if randomness.random() < 0.04:
            crew.kill(randomness.choice(list(SLOTS)))
        if randomness.random() < 0.02 and not crew.stopped:
            crew.stop(randomness.choice([slot for slot in SLOTS if slot.startswith("projectors")]))
            storm.done["processes stopped"] += 1
        if randomness.random() < 0.03:
            crew.proceed()
        await asyncio.sleep(_TICK_SECONDS)
    await blow
    crew.proceed()
    crew.replace_dead(is_armed=False)
    crew.disarm()
