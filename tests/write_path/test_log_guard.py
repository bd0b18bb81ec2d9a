"""The log is only ever appended to: the database refuses everything else, to its owner too."""

from random import Random

import asyncpg
import pytest

from infrastructure.event_log import ensure_partitions
from infrastructure.postgres import Pool
from tests.relay.events import append_event
from tests.roots import root_in
from tests.servers import TEST_SHARDS

_SNAPSHOT = "SELECT md5(string_agg(e::text, ',' ORDER BY shard, position)) FROM log.events e"
_CHANGES = {
    "an envelope": "UPDATE {} SET envelope = envelope || ' '",
    "a position": "UPDATE {} SET position = position + 100",
    "an epoch": "UPDATE {} SET epoch = 2 WHERE position = 3",
    "one event gone": "DELETE FROM {} WHERE shard = 3 AND position = 2",
    "all gone": "DELETE FROM {}",
    "truncated": "TRUNCATE {}",
    "changed on conflict": "INSERT INTO {0} AS e SELECT * FROM {0} WHERE shard = 3 AND position = 1"
    " ON CONFLICT (shard, position) DO UPDATE SET event_type = 'other'",
    "merged away": "MERGE INTO {0} e USING (SELECT 3 AS s) x ON e.shard = x.s WHEN MATCHED THEN DELETE",
}


@pytest.fixture
async def log(pool: Pool, randomness: Random) -> Pool:
    root = root_in(3, randomness)
    for generation in range(1, 6):
        await append_event(pool, root, generation, randomness)
    return pool


@pytest.mark.parametrize("table", ["log.events", "log.events_000000"])
@pytest.mark.parametrize("change", _CHANGES)
async def test_a_change_of_the_log_is_refused_and_says_why(log: Pool, change: str, table: str) -> None:
    before = await log.fetchval(_SNAPSHOT)
    with pytest.raises(asyncpg.PostgresError, match="the log is only ever appended to") as refused:
        await log.execute(_CHANGES[change].format(table))
    assert refused.value.sqlstate == "BU002"
    assert "bureau epoch bump" in str(refused.value.hint)
    assert await log.fetchval(_SNAPSHOT) == before


_OTHERS = {
    "shard": "7",
    "position": "77",
    "event_id": "gen_random_uuid()",
    "event_type": "'other'",
    "workspace_id": "'other'",
    "aggregate_kind": "'other'",
    "aggregate_id": "gen_random_uuid()",
    "generation": "77",
    "root_id": "gen_random_uuid()",
    "recorded_at": "clock_timestamp()",
    "envelope": "''",
}
_MOVING = "SELECT set_config('bureau.moves_epochs', 'on', true)"


async def test_a_transaction_that_moves_epochs_moves_them_and_the_next_one_does_not(log: Pool) -> None:
    async with log.acquire() as connection:
        async with connection.transaction():
            await connection.execute(_MOVING)
            assert await connection.execute("UPDATE log.events SET epoch = 2 WHERE position > 3") == "UPDATE 2"
        with pytest.raises(asyncpg.PostgresError, match="only ever appended to"):
            await connection.execute("UPDATE log.events SET epoch = 3 WHERE position > 3")
    assert await log.fetchval("SELECT array_agg(epoch ORDER BY position) FROM log.events") == [1, 1, 1, 2, 2]


@pytest.mark.parametrize("column", _OTHERS)
async def test_a_transaction_that_moves_epochs_can_change_nothing_else(log: Pool, column: str) -> None:
    async with log.acquire() as connection, connection.transaction():
        await connection.execute(_MOVING)
        with pytest.raises(asyncpg.PostgresError, match="only ever appended to"):
            async with connection.transaction():
                await connection.execute(f"UPDATE log.events SET {column} = {_OTHERS[column]} WHERE position = 5")  # noqa: S608 - our own columns


async def test_every_column_is_looked_at(log: Pool) -> None:
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'log.events'::regclass AND attnum > 0"
    assert {row[0] for row in await log.fetch(columns)} == _OTHERS.keys() | {"epoch"}


async def test_a_partition_that_is_made_later_is_guarded_too(log: Pool, randomness: Random) -> None:
    assert await ensure_partitions(log, 4) == 2
    await log.execute("UPDATE log.floors SET position = 4000000 - 1 WHERE shard = 4")
    await append_event(log, root_in(4, randomness), 1, randomness)
    for change in (
        "DELETE FROM log.events_000004",
        "TRUNCATE log.events_000004",
        "UPDATE log.events_000004 SET epoch = 2",
    ):
        with pytest.raises(asyncpg.PostgresError, match="only ever appended to"):
            await log.execute(change)
    assert TEST_SHARDS > 4
