"""What happens to servers in a storm, one thing a round; afterwards both answer again."""

import asyncio
import shutil

from tests.faults.backups import put_backup_back
from tests.faults.deck import Strike
from tests.faults.state import Storm
from tests.polling import let_pass

__all__ = ["QUICK_STRIKES", "SERVER_STRIKES"]


async def _empty_redis(storm: Storm) -> bool:
    await storm.redis.flushall()
    return True


async def _lose_streams(storm: Storm) -> bool:
    names = [name async for name in storm.redis.scan_iter(match="bureau:{events:*")]
    if names:
        await storm.redis.delete(*storm.randomness.sample(sorted(names), k=max(1, len(names) // 2)))
    return bool(names)


async def _restart_redis_empty(storm: Storm) -> bool:
    await asyncio.to_thread(storm.valkey.restart_empty)
    return True


async def _kill_redis(storm: Storm) -> bool:
    def kill_and_start() -> None:
        storm.valkey.kill()
        storm.valkey.start()

    await asyncio.to_thread(kill_and_start)
    return True


async def _put_stale_redis_back(storm: Storm) -> bool:
    """A replica without the tail is promoted: a copy, taken some seconds before."""
    copy = storm.directory / "stale"
    data = storm.valkey.running[0].config.home / "data"

    def take_copy() -> None:
        storm.valkey.kill()
        shutil.copytree(data, copy)
        storm.valkey.start()

    def put_back() -> None:
        storm.valkey.kill()
        shutil.rmtree(data)
        copy.rename(data)
        storm.valkey.start()

    await asyncio.to_thread(take_copy)
    await let_pass(storm.randomness.uniform(0.5, 3.0))
    await asyncio.to_thread(put_back)
    return True


async def _kill_postgres(storm: Storm) -> bool:
    def kill_and_start() -> None:
        storm.postgres.kill()
        storm.postgres.start()

    await asyncio.to_thread(kill_and_start)
    return True


async def _hold_a_transaction(storm: Storm) -> bool:
    """An unrelated transaction stays open for a while: it holds a snapshot and an id."""
    async with storm.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        await connection.execute("SELECT pg_current_xact_id(), id, pg_sleep(3) FROM write.aggregates LIMIT 1")
    return True


async def _rebuild(storm: Storm) -> bool:
    """Begin to rebuild a read model while everything else goes on; one that still runs is killed in its middle.

    The next one goes on from there.
    """
    if storm.rebuilding and storm.rebuilding[-1].exitcode is None:
        storm.rebuilding[-1].kill()
        await asyncio.to_thread(storm.rebuilding[-1].join, 20)
        storm.done["rebuild killed"] += 1
    storm.rebuilding.append(storm.crew.command("rebuild agents --drop-old --processes 1"))
    return True


QUICK_STRIKES: tuple[Strike, ...] = (
    Strike("Redis emptied", _empty_redis),
    Strike("streams deleted", _lose_streams),
    Strike("Redis restarted empty", _restart_redis_empty),
    Strike("Redis killed", _kill_redis),
    Strike("stale Redis put back", _put_stale_redis_back),
    Strike("PostgreSQL killed", _kill_postgres),
    Strike("transaction held open", _hold_a_transaction),
)

SERVER_STRIKES: tuple[Strike, ...] = (
    *QUICK_STRIKES,
    Strike("PostgreSQL put back to a backup, epoch bumped", put_backup_back),
    Strike("rebuild begun", _rebuild),
    Strike("rebuild begun", _rebuild),
)
