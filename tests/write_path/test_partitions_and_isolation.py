"""The edges of the log: partition boundaries, partitions that are missing or being made, other isolation levels."""

import asyncio
import random
from typing import Literal

import asyncpg
import pytest

from infrastructure.event_log import ensure_partitions, read_heads, read_log
from infrastructure.postgres import Pool
from infrastructure.write_store import WriteConflictError, save_command
from tests.roots import new_id, root_in
from tests.write_path.history import find_faults
from tests.write_path.writes import Version, as_pool, carry_out, make_write

_SIZE = 1_000_000
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'log.events'::regclass ORDER BY 1"


async def _cut_at(pool: Pool, shard: int, position: int) -> None:
    """Make a shard go on after a position, as when its log was cut there."""
    await pool.execute("UPDATE log.floors SET position = $2 WHERE shard = $1", shard, position)


async def _partitions(pool: Pool) -> list[str]:
    return [row[0] for row in await pool.fetch(_PARTITIONS)]


async def test_one_command_may_cross_the_boundary_of_two_partitions(pool: Pool, randomness: random.Random) -> None:
    await _cut_at(pool, 2, _SIZE - 3)
    root = root_in(2, randomness)
    token = await carry_out(pool, "crossing", [root], randomness, events=5)
    after = await carry_out(pool, "after", [root], randomness)
    assert (token.positions, after.positions) == ({2: _SIZE + 2}, {2: _SIZE + 3})
    rows = await read_log(pool, {2: _SIZE - 3}, limit=100, max_bytes=10_000)
    assert [row.position for row in rows] == list(range(_SIZE - 2, _SIZE + 4))
    stored = await pool.fetch("SELECT tableoid::regclass::text AS name, count(*) FROM log.events GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in stored] == [("log.events_000000", 2), ("log.events_000001", 4)]
    assert (await read_heads(pool))[2] == (1, _SIZE + 3)
    assert await find_faults(pool) == []


async def test_without_a_partition_nothing_is_written_and_once_there_is_one_the_same_command_goes_through(
    pool: Pool, randomness: random.Random
) -> None:
    await _cut_at(pool, 2, 3 * _SIZE - 3)
    write = make_write("too-far", [Version(root_in(2, randomness))], randomness, events=5)
    with pytest.raises(asyncpg.CheckViolationError, match='no partition of relation "events"'):
        await save_command(pool, write)
    assert await pool.fetchval("SELECT count(*) FROM log.events") == 0
    assert await pool.fetchval("SELECT count(*) FROM write.receipts") == 0
    assert await ensure_partitions(pool, 1) == 1
    token = await save_command(pool, write)
    assert token.positions == {2: 3 * _SIZE + 2}
    assert await find_faults(pool) == []


async def test_partitions_are_made_once_however_many_ask_at_once(pool: Pool) -> None:
    made = await asyncio.gather(*(ensure_partitions(pool, 6) for _ in range(8)))
    assert sum(made) == 4
    assert await _partitions(pool) == [f"log.events_{number:06}" for number in range(7)]
    assert await ensure_partitions(pool, 6) == 0


async def test_a_new_partition_waits_for_no_writer_and_no_writer_for_it(
    database_url: str, pool: Pool, randomness: random.Random
) -> None:
    writer = await asyncpg.connect(database_url)
    async with writer.transaction():
        await save_command(as_pool(writer), make_write("open", [Version(root_in(1, randomness))], randomness))
        async with asyncio.timeout(5):
            assert await ensure_partitions(pool, 4) == 2
        maker = await asyncpg.connect(database_url)
        async with maker.transaction(), asyncio.timeout(5):
            await maker.execute("SELECT log.ensure_partitions(6)")
            await carry_out(pool, "meanwhile", [root_in(8, randomness)], randomness)
        await maker.close()
    await writer.close()
    assert len(await _partitions(pool)) == 7
    assert await find_faults(pool) == []


async def test_a_new_partition_guards_generations_as_the_first_ones_do(pool: Pool) -> None:
    await ensure_partitions(pool, 4)
    indexes = await pool.fetch(
        "SELECT tablename, count(*) FILTER (WHERE indexdef LIKE '%UNIQUE%') AS guards FROM pg_indexes"
        " WHERE schemaname = 'log' AND tablename LIKE 'events_0%' GROUP BY tablename ORDER BY tablename"
    )
    assert [(row["tablename"], row["guards"]) for row in indexes] == [(f"events_{n:06}", 2) for n in range(5)]


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_a_snapshot_from_before_another_commit_is_refused_and_never_writes_a_wrong_position(
    database_url: str, pool: Pool, randomness: random.Random, isolation: Literal["repeatable_read", "serializable"]
) -> None:
    await carry_out(pool, "first", [root_in(3, randomness)], randomness)
    stale = await asyncpg.connect(database_url)
    transaction = stale.transaction(isolation=isolation)
    await transaction.start()
    await stale.fetchval("SELECT count(*) FROM log.events")
    await carry_out(pool, "second", [root_in(3, randomness)], randomness)
    with pytest.raises(WriteConflictError):
        await save_command(as_pool(stale), make_write("stale", [Version(root_in(3, randomness))], randomness))
    await transaction.rollback()
    await stale.close()
    token = await carry_out(pool, "third", [root_in(3, randomness)], randomness)
    assert token.positions == {3: 3}
    assert await find_faults(pool) == []


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_writers_at_stricter_isolation_levels_lose_some_tries_and_nothing_else(
    database_url: str, pool: Pool, isolation: Literal["repeatable_read", "serializable"]
) -> None:
    async def write(worker: int) -> int:
        randomness = random.Random(worker)
        connection, done = await asyncpg.connect(database_url), 0
        for number in range(15):
            version = Version(new_id(randomness))
            shard_mate = Version(root_in(3, randomness))
            try:
                async with connection.transaction(isolation=isolation):
                    write = make_write(f"{worker}-{number}", [version, shard_mate], randomness)
                    await save_command(as_pool(connection), write)
                done += 1
            except (WriteConflictError, asyncpg.SerializationError):
                continue
        await connection.close()
        return done

    done = await asyncio.gather(*(write(worker) for worker in range(6)))
    assert sum(done) > 0
    assert await pool.fetchval("SELECT count(*) FROM write.receipts") == sum(done)
    assert await find_faults(pool) == []
