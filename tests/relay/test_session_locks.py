"""Locks of a session: one holder at a time, and whatever goes wrong with a holder, the next one gets it."""

import asyncpg
import pytest

from infrastructure.postgres import Pool, open_pool
from infrastructure.retention import hold_retention
from tests.polling import poll_until


async def is_free(pool: Pool) -> bool:
    async with hold_retention(pool) as connection:
        return connection is not None


@pytest.fixture
async def other(database_url: str) -> Pool:
    return await open_pool(database_url, size=1, application_name="another holder")


async def test_one_holds_it_at_a_time_and_gives_it_back(pool: Pool, other: Pool) -> None:
    async with hold_retention(other) as connection:
        assert connection is not None
        assert not await is_free(pool)
    assert await is_free(pool)
    await other.close()


async def test_a_lock_that_could_not_be_given_back_ends_with_its_connection(pool: Pool, other: Pool) -> None:
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await _fail_inside(other)
    await poll_until(lambda: is_free(pool))
    assert await is_free(other)  # the pool goes on, with another connection
    await other.close()


async def _fail_inside(pool: Pool) -> None:
    async with hold_retention(pool) as connection:
        assert connection is not None
        await connection.execute("BEGIN")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.execute("SELECT 1 / 0")
