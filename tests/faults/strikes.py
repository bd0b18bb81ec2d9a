"""What happens to servers in a storm, one thing a round; afterwards both answer again."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import asyncpg
from redis.exceptions import RedisError

from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from tests.faults.crew import Crew
from tests.faults.role import HOT_AGENTS
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey

__all__ = ["Storm", "strike_servers"]

_PATIENCE = 60.0


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
    is_full: bool = False
    """With what takes longer: a backup put back, and rebuilds."""
    done: Counter[str] = field(default_factory=Counter)


async def strike_servers(storm: Storm) -> None:
    """Do one of the things that happen to servers."""
    name, strike = storm.randomness.choice(_STRIKES if storm.is_full else _STRIKES[:_QUICK])
    storm.done[name] += 1
    await strike(storm)
    await _reconnect(storm)


async def _reconnect(storm: Storm) -> None:
    """Wait until both servers answer again, over connections that none of the strikes has cut."""
    await storm.pool.expire_connections()
    await storm.redis.connection_pool.disconnect()

    async def answer() -> bool:
        try:
            return bool(await storm.pool.fetchval("SELECT true") and await storm.redis.ping())
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, RedisError):
            return False

    await poll_until(answer, timeout=60, what="both servers answer again")


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


async def _hold_a_transaction(storm: Storm) -> None:
    """An unrelated transaction stays open for a while: it holds a snapshot and an id."""
    async with storm.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        await connection.execute("SELECT pg_current_xact_id(), count(*), pg_sleep(3) FROM write.aggregates")


async def _put_backup_back(storm: Storm) -> None:
    """Take a backup; the next time go back to it, and begin a new epoch as an operator does."""
    backup = storm.directory / "backup"
    data = storm.postgres.running[0].config.home / "data"
    if await storm.pool.fetchval("SELECT count(*) FROM write.aggregates WHERE id = ANY ($1)", HOT_AGENTS) == 0:
        return  # the writers have not begun

    def copy() -> None:
        storm.postgres.kill()
        if backup.exists():
            shutil.rmtree(data)
            backup.rename(data)
            storm.done["database put back"] += 1
        else:
            shutil.copytree(data, backup, symlinks=True)
        storm.postgres.start()

    went_back = backup.exists()
    await asyncio.to_thread(copy)
    await _reconnect(storm)
    if went_back:
        await poll_until(lambda: _bump(storm), timeout=_PATIENCE, what="bureau epoch bump goes through")


async def _bump(storm: Storm) -> bool:
    """Try once; things may have changed while it looked."""
    process = storm.crew.command("epoch bump --yes --reason storm")
    await asyncio.to_thread(process.join, _PATIENCE)
    return process.exitcode == 0


async def _rebuild(storm: Storm) -> None:
    """Rebuild a read model, killed in the middle every other time; the next one goes on from there."""
    process = storm.crew.command("rebuild agents --drop-old --processes 1")
    if storm.randomness.random() < 0.5:
        await asyncio.to_thread(process.join, storm.randomness.uniform(0.2, 2.0))
        process.kill()
    await asyncio.to_thread(process.join, _PATIENCE)
    storm.done[f"rebuild ended with {process.exitcode}"] += 1


type Strike = Callable[[Storm], Awaitable[None]]

_STRIKES: tuple[tuple[str, Strike], ...] = (
    ("Redis emptied", _empty_redis),
    ("streams deleted", _lose_streams),
    ("Redis restarted empty", _restart_redis_empty),
    ("Redis killed", _kill_redis),
    ("stale Redis put back", _put_stale_redis_back),
    ("PostgreSQL killed", _kill_postgres),
    ("transaction held open", _hold_a_transaction),
    # the quick ones end here
    ("backup", _put_backup_back),
    ("rebuild", _rebuild),
)
_QUICK = 7
