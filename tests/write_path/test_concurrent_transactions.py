"""Hundreds of transactions at once on the same shards and aggregates, in every way a transaction can go."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from infrastructure.postgres import Pool
from infrastructure.write_store import WriteConflictError
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres
from tests.roots import root_in
from tests.write_path.history import find_faults, find_inversions, observe
from tests.write_path.writes import as_pool, carry_out

_WRITERS, _COMMANDS = 12, 25
_INTERRUPTED_WRITERS, _INTERRUPTED_COMMANDS = 6, 20
_EARLY = "SELECT shard, position, xmin::text::bigint AS transaction FROM log.events ORDER BY shard, position"


async def _write_many(pool: Pool, name: str, roots: Sequence[UUID], randomness: random.Random) -> None:
    for number in range(_COMMANDS):
        chosen = randomness.sample(roots, randomness.randint(1, 3))
        await carry_out(pool, f"{name}-{number}", chosen, randomness, events=randomness.randint(1, 3))


async def _write_interrupted(
    url: str, name: str, roots: Sequence[UUID], randomness: random.Random
) -> tuple[set[str], set[str]]:
    """Write in explicit transactions: something else first, then the command, a while, then commit or rollback."""
    kept, undone = set(), set()
    connection = await asyncpg.connect(url)
    try:
        for number in range(_INTERRUPTED_COMMANDS):
            key, should_keep = f"{name}-{number}", randomness.random() < 0.5
            if await _try_interrupted(connection, key, randomness.choice(roots), randomness, should_keep=should_keep):
                kept.add(key)
            else:
                undone.add(key)
    finally:
        await connection.close()
    return kept, undone


async def _try_interrupted(
    connection: "asyncpg.Connection[Any]", key: str, root: UUID, randomness: random.Random, *, should_keep: bool
) -> bool:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("INSERT INTO scratch VALUES ($1)", key)
        await carry_out(as_pool(connection), key, [root], randomness, tries=1)
        await connection.execute("SELECT pg_sleep($1)", randomness.random() * 0.01)
    except (AssertionError, WriteConflictError):
        should_keep = False
    await (transaction.commit() if should_keep else transaction.rollback())
    return should_keep


async def _write_early(url: str, root: UUID, randomness: random.Random, pool: Pool) -> None:
    """Take a transaction id before anybody else, the aggregate and the shard only when others have long committed."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("INSERT INTO scratch VALUES ('early')")
            await poll_until(lambda: pool.fetchval("SELECT count(*) > 150 FROM log.events"), timeout=60)
            await carry_out(as_pool(connection), "early", [root], randomness, tries=1)
    finally:
        await connection.close()


async def test_positions_stay_dense_and_in_the_order_of_commit_under_every_interleaving(
    noting_postgres: PrivatePostgres, noting_pool: Pool, randomness: random.Random
) -> None:
    url, pool = noting_postgres.database_url, noting_pool
    await pool.execute("CREATE TABLE scratch (key text)")
    # Two shards with four hot aggregates each; a ninth for the transaction that takes its id early.
    roots = [root_in(shard, randomness) for shard in (3, 7) for _ in range(4)]
    early_root = root_in(3, randomness)
    stop = asyncio.Event()
    observer = asyncio.create_task(observe(pool, stop))
    async with asyncio.TaskGroup() as group:
        group.create_task(_write_early(url, early_root, random.Random(1), pool))
        for number in range(_WRITERS):
            group.create_task(_write_many(pool, f"plain-{number}", roots, random.Random(100 + number)))
        interrupted = [
            group.create_task(_write_interrupted(url, f"interrupted-{number}", roots, random.Random(200 + number)))
            for number in range(_INTERRUPTED_WRITERS)
        ]
    stop.set()
    observation = await observer

    assert observation.faults == []
    assert len(set(observation.readings)) > 20
    assert await find_faults(pool) == []
    assert await find_inversions(pool) == []
    receipts = {row["key"] for row in await pool.fetch("SELECT key FROM write.receipts")}
    kept = set().union(*(task.result()[0] for task in interrupted))
    undone = set().union(*(task.result()[1] for task in interrupted))
    assert kept
    assert undone
    assert receipts & undone == set()
    plain = {f"plain-{writer}-{number}" for writer in range(_WRITERS) for number in range(_COMMANDS)}
    assert receipts == plain | kept | {"early"}
    rows = await pool.fetch(_EARLY)
    early = min(rows, key=lambda row: row["transaction"])
    assert any(row["shard"] == early["shard"] and row["position"] < early["position"] for row in rows), (
        "the transaction with the lowest id must not have the lowest position"
    )
