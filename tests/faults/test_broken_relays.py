"""The same history twice: as the product is nothing differs, without one protection of the streams something does."""

import asyncio
from collections.abc import Sequence
from random import Random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from infrastructure.postgres import Pool
from tests.faults.broken import breaking
from tests.faults.steps import differences, relay_everything
from tests.relay.events import append_event
from tests.roots import root_in
from tests.unguarded import unguard

SHARD = 3


async def append(pool: Pool, randomness: Random, root: UUID, generations: Sequence[int]) -> None:
    for generation in generations:
        await append_event(pool, root, generation, randomness)


def either(broken: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("missing", [None, broken], ids=["whole", "broken"])


@either("sequence cursor")
async def test_a_transaction_that_commits_late_is_carried(
    pool: Pool, redis: Redis, randomness: Random, missing: str | None
) -> None:
    late, early = root_in(SHARD, randomness), root_in(SHARD, randomness)
    async with breaking(pool, missing), pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await append_event(connection, late, 1, randomness)  # type: ignore[arg-type]  # a connection executes too
        other = asyncio.create_task(append(pool, randomness, early, [1]))
        if missing:
            await other
        await relay_everything(pool, redis)
        await transaction.commit()
        await other
        await relay_everything(pool, redis)
    found = await differences(pool, redis)
    assert ("stream.missing" in found) if missing else found == set()


@either("plain append")
async def test_a_call_whose_answer_was_lost_is_made_again(
    pool: Pool, redis: Redis, randomness: Random, missing: str | None
) -> None:
    root = root_in(SHARD, randomness)
    async with breaking(pool, missing):
        await append(pool, randomness, root, range(1, 6))
        # Two relays read before either of them has appended.
        await asyncio.gather(relay_everything(pool, redis), relay_everything(pool, redis))
        await append(pool, randomness, root, [6])
        await relay_everything(pool, redis)
    found = await differences(pool, redis)
    assert found & {"stream.different", "stream.beyond"} if missing else found == set()


@either("epoch from memory")
async def test_a_new_epoch_is_the_rows_own(pool: Pool, redis: Redis, randomness: Random, missing: str | None) -> None:
    root = root_in(SHARD, randomness)
    async with breaking(pool, missing):
        await append(pool, randomness, root, range(1, 6))
        await relay_everything(pool, redis)
        await pool.execute("INSERT INTO log.epochs VALUES ($1, 2, 6)", SHARD)
        await append(pool, randomness, root, range(6, 9))
        await relay_everything(pool, redis)
    found = await differences(pool, redis)
    assert ("stream.missing" in found) if missing else found == set()


@either("comparison by id only")
async def test_nothing_follows_an_event_that_the_log_lost(
    pool: Pool, redis: Redis, randomness: Random, missing: str | None
) -> None:
    """The database went back by two events and wrote three others; whole, the shard stops until the epoch is bumped."""
    root = root_in(SHARD, randomness)
    async with breaking(pool, missing):
        await append(pool, randomness, root, range(1, 6))
        await relay_everything(pool, redis)
        await unguard(pool)
        await pool.execute("DELETE FROM log.events WHERE shard = $1 AND position > 3", SHARD)
        await append(pool, randomness, root, range(4, 7))
        stopped = await relay_everything(pool, redis)
        found = await differences(pool, redis)
        assert "stream.different" in found
        assert ("stream.behind" in found, list(stopped)) == (missing is None, [] if missing else [SHARD])
        await pool.execute("INSERT INTO log.epochs VALUES ($1, 2, 4)", SHARD)
        await unguard(pool)
        await pool.execute("UPDATE log.events SET epoch = 2 WHERE shard = $1 AND position > 3", SHARD)
        await relay_everything(pool, redis)
    assert await differences(pool, redis) == set()
