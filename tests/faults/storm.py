"""The storm: commands without end, everybody killed at every step, servers emptied, restarted and put back; a seed."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import asyncpg
from redis.exceptions import RedisError

from bureau.verification import Report, Scope, verify
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from tests.faults.crew import SLOTS, Crew
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey

__all__ = ["Storm", "rage", "settle"]

_TICK_SECONDS = 0.05
_ROUND_SECONDS = 5.0
_ROUNDS_BETWEEN_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Storm:
    """The servers and processes of one run, and what has been done to them until now."""

    crew: Crew
    postgres: PrivatePostgres
    valkey: PrivateValkey
    pool: Pool
    redis: RedisClient
    randomness: Random
    directory: Path
    done: Counter[str] = field(default_factory=Counter)


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
    report = await verify(storm.pool, storm.redis, scope)
    print(  # noqa: T201 - how far it came, shown where the test fails
        f"{report.events} events, {storm.crew.kills} kills, {dict(storm.done)}, "
        f"verified in {time.monotonic() - started:.1f} s: {report.different} differences"
    )
    return report


async def _rage_a_round(storm: Storm) -> None:
    """Arm everybody, kill at random, and do one thing to a server."""
    crew, randomness = storm.crew, storm.randomness
    ends = time.monotonic() + _ROUND_SECONDS
    blow = asyncio.create_task(_strike_servers(storm))
    while time.monotonic() < ends or not blow.done():
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


async def _strike_servers(storm: Storm) -> None:
    """Do one of the things that happen to servers, a moment after the round began."""
    await asyncio.sleep(storm.randomness.uniform(0.5, 3.0))
    name, strike = storm.randomness.choice(_STRIKES)
    storm.done[name] += 1
    await strike(storm)


async def _empty_redis(storm: Storm) -> None:
    await storm.redis.flushall()


async def _lose_streams(storm: Storm) -> None:
    names = [name async for name in storm.redis.scan_iter(match="bureau:{events:*")]
    if names:
        await storm.redis.delete(*storm.randomness.sample(names, k=max(1, len(names) // 2)))


async def _restart_redis_empty(storm: Storm) -> None:
    await asyncio.to_thread(storm.valkey.restart_empty)


async def _kill_redis(storm: Storm) -> None:
    def kill_and_start() -> None:
        storm.valkey.kill()
        storm.valkey.start()

    await asyncio.to_thread(kill_and_start)


async def _put_stale_redis_back(storm: Storm) -> None:
    """A replica without the tail is promoted: the copy that was taken the last time; then take a new one."""
    copy = storm.directory / "stale"
    data = storm.valkey.running[0].config.home / "data"

    def put_back() -> None:
        storm.valkey.kill()
        fresh = storm.directory / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(data, fresh)
        if copy.exists():
            shutil.rmtree(data)
            shutil.copytree(copy, data)
            shutil.rmtree(copy)
        fresh.rename(copy)
        storm.valkey.start()

    await asyncio.to_thread(put_back)


async def _kill_postgres(storm: Storm) -> None:
    def kill_and_start() -> None:
        storm.postgres.kill()
        storm.postgres.start()

    await asyncio.to_thread(kill_and_start)
    await poll_until(lambda: _answers(storm.pool), timeout=30, what="PostgreSQL answers again")


async def _answers(pool: Pool) -> bool:
    try:
        return bool(await pool.fetchval("SELECT true"))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False


async def _hold_a_transaction(storm: Storm) -> None:
    """An unrelated transaction stays open for a while: it holds a snapshot and an id."""
    async with storm.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        await connection.execute("SELECT pg_current_xact_id(), count(*) FROM write.aggregates")
        await asyncio.sleep(3.0)


type Strike = Callable[[Storm], Awaitable[None]]

_STRIKES: tuple[tuple[str, Strike], ...] = (
    ("Redis emptied", _empty_redis),
    ("streams deleted", _lose_streams),
    ("Redis restarted empty", _restart_redis_empty),
    ("Redis killed", _kill_redis),
    ("stale Redis put back", _put_stale_redis_back),
    ("PostgreSQL killed", _kill_postgres),
    ("transaction held open", _hold_a_transaction),
)
REDIS_ERRORS = RedisError
