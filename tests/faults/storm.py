"""The storm: commands without end, everybody killed at every step, servers emptied, restarted and put back; a seed."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from redis.exceptions import RedisError

from bureau.verification import Report, Scope, verify
from infrastructure.postgres import Pool
from projectors.collecting import collect_less
from tests.faults.crew import SLOTS
from tests.faults.deck import Deck, Strike, strike
from tests.faults.duels import PROCESS_STRIKES
from tests.faults.state import PATIENCE_SECONDS, Storm, reconnect
from tests.faults.strikes import QUICK_STRIKES, SERVER_STRIKES
from tests.polling import let_pass

__all__ = ["Aim", "count_events", "missing_strikes", "rage", "settle"]

_TICK_SECONDS = 0.05
_ROUND_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 15.0
_SHARE_OF_LOOKS = 0.2
"""Of the whole time goes into looks at the most: each takes the longer the more there is to see."""
_TRIES = 3
_KILLS_AHEAD = 10
_BULK = frozenset({"writers-1", "writers-2"})
_LAGS = (3_000, 10_000)
"""The writers of the bulk rest while the slowest projection is further behind than the second, until the first."""


class Aim(NamedTuple):
    """How much has to happen, and in how many seconds at most."""

    kills: int
    events: int
    seconds: float


async def rage(storm: Storm, aim: Aim) -> list[Report]:
    """Go on until enough happened, in the full form every strike too; look at the whole again and again."""
    begun = looked = time.monotonic()
    decks = [Deck(_server_strikes(storm), storm.randomness), Deck(PROCESS_STRIKES, storm.randomness)]
    reports: list[Report] = []
    while time.monotonic() < begun + aim.seconds and not await _is_enough(storm, aim):
        await _rage_a_round(storm, decks, aim)
        storm.seconds["all"] = time.monotonic() - begun
        if storm.crew.broken:
            break
        cost = storm.seconds["last look"] / _SHARE_OF_LOOKS
        if time.monotonic() > looked + max(_LOOK_EVERY_SECONDS, cost):
            reports.append(await _look(storm))
            looked = time.monotonic()
            if reports[-1].differences:
                break
    return reports


def _server_strikes(storm: Storm) -> tuple[Strike, ...]:
    return SERVER_STRIKES if storm.is_full else QUICK_STRIKES


async def _is_enough(storm: Storm, aim: Aim) -> bool:
    is_struck = not (storm.is_full and missing_strikes(storm))
    return is_struck and storm.crew.kills >= aim.kills and await count_events(storm.pool) >= aim.events


def missing_strikes(storm: Storm) -> set[str]:
    """Return what was never done until now of all that a storm does."""
    return {each.name for each in (*_server_strikes(storm), *PROCESS_STRIKES)} - storm.done.keys()


async def count_events(pool: Pool) -> int:
    """Return how many events the log holds."""
    found: int = await pool.fetchval("SELECT coalesce(sum(h.position), 0) FROM log.floors f, log.head_of(f.shard) h")
    return found


async def settle(storm: Storm) -> Report:
    """Stop the writers, let one relay and one projector bring everything to its end, and look at all of it.

    In the full form a rebuild is brought to its end as well.
    """
    for slot in list(storm.crew.running):
        storm.crew.end(slot)
    for rebuilding in storm.rebuilding:
        rebuilding.kill()
    storm.crew.start("relay-1")
    storm.crew.start("projectors-1")
    if storm.is_full:
        process = storm.crew.command("rebuild agents --drop-old --processes 1")
        await asyncio.to_thread(process.join, 20 * PATIENCE_SECONDS)
        storm.done[f"last rebuild ended with {process.exitcode}"] += 1
    return await _look(storm)


async def _look(storm: Storm) -> Report:
    """Verify while clients go on; everybody has been left in peace for a moment, and the bulk of writers pauses."""
    storm.crew.proceed()
    storm.crew.replace_dead(is_armed=False)
    storm.crew.disarm()
    _brake(storm, is_on=True)
    started = time.monotonic()
    report = await _verify(storm)
    storm.seconds["last look"] = time.monotonic() - started
    storm.seconds["looks"] += storm.seconds["last look"]
    storm.done["looks"] += 1
    print(  # noqa: T201 - how far it came, shown where the test fails
        f"{storm.seconds['all']:.0f} s: {report.events} events, {storm.crew.kills} kills, "
        f"{storm.progress.lag} behind, verified in {storm.seconds['last look']:.1f} s: {report.different} differences",
        flush=True,
    )
    _brake(storm, is_on=False)
    return report


def _brake(storm: Storm, *, is_on: bool) -> None:
    """Stop the writers of the bulk, or let them go on: faster than everybody behind them they would prove nothing."""
    for slot in _BULK & storm.crew.running.keys():
        if is_on != (slot in storm.crew.held):
            (storm.crew.pause if is_on else storm.crew.let_go)(slot)


async def _verify(storm: Storm) -> Report:
    """Verify; where a server does not answer in time on a busy machine, once more from the beginning."""
    scope = Scope(is_deep=True, patience_seconds=PATIENCE_SECONDS)
    with _collecting_less():
        for _ in range(_TRIES):
            with suppress(RedisError, OSError, TimeoutError):
                return await verify(storm.pool, storm.redis, scope)
        return await verify(storm.pool, storm.redis, scope)


@contextmanager
def _collecting_less() -> Iterator[None]:
    """Collect garbage as `bureau verify` does: a look takes a third less."""
    before = gc.get_threshold()
    collect_less()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def _rage_a_round(storm: Storm, decks: list[Deck], aim: Aim) -> None:
    """Arm everybody, kill and stop at random, and meanwhile do one thing to a server and one to a process."""
    crew, randomness = storm.crew, storm.randomness
    begins = time.monotonic()
    pauses = [randomness.uniform(0.0, 2.0) for _ in decks]
    blows = asyncio.gather(*(_blow(storm, deck, pause) for deck, pause in zip(decks, pauses, strict=True)))
    while time.monotonic() < begins + _ROUND_SECONDS or not blows.done():
        is_deadly = _is_deadly(storm, aim)
        crew.replace_dead(is_armed=is_deadly)
        if is_deadly and randomness.random() < 0.04:
            crew.kill(randomness.choice(list(SLOTS)))
        if randomness.random() < 0.02 and not crew.stopped:
            crew.stop(randomness.choice(["projectors-1", "projectors-2", "relay-1", "relay-2"]))
            storm.done["processes stopped for a moment"] += 1
        if randomness.random() < 0.03:
            crew.proceed()
        if not _LAGS[0] < storm.progress.lag < _LAGS[1]:
            _brake(storm, is_on=storm.progress.lag >= _LAGS[1])
        await asyncio.sleep(_TICK_SECONDS)
    await blows
    await reconnect(storm)


def _is_deadly(storm: Storm, aim: Aim) -> bool:
    """Tell whether it is time for more kills: as many as the aim has for so many events, and a few ahead."""
    return storm.crew.kills < aim.kills * storm.progress.events / aim.events + _KILLS_AHEAD


async def _blow(storm: Storm, deck: Deck, pause: float) -> None:
    await let_pass(pause)
    await strike(storm, deck)
