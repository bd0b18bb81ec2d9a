"""The fixtures that every other test stands on."""

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.polling import poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_gets_a_database_of_its_own(database_url: str, turn: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TABLE seen (turn integer)")
        await connection.execute("INSERT INTO seen VALUES ($1)", turn)
        assert await connection.fetchval("SELECT count(*) FROM seen") == 1
    finally:
        await connection.close()


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_gets_an_empty_redis(redis_url: str, turn: int) -> None:
    async with Redis.from_url(redis_url) as connection:
        assert await connection.dbsize() == 0
        await connection.set("turn", turn)


async def test_a_private_postgres_comes_back_with_its_data_after_a_kill(private_postgres: PrivatePostgres) -> None:
    address = private_postgres.database_url
    connection = await asyncpg.connect(address)
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS figure")
    private_postgres.kill()
    await poll_until(connection.is_closed, what="the connection to a killed server is closed")
    private_postgres.start()
    assert private_postgres.database_url == address
    connection = await asyncpg.connect(address)
    try:
        assert await connection.fetchval("SELECT figure FROM kept") == 7
    finally:
        await connection.close()


async def test_a_private_valkey_keeps_its_data_over_a_kill_and_loses_it_when_emptied(
    private_valkey: PrivateValkey,
) -> None:
    async with Redis.from_url(private_valkey.redis_url) as connection:
        await connection.set("figure", 7)
    private_valkey.kill()
    private_valkey.start()
    async with Redis.from_url(private_valkey.redis_url) as connection:
        assert await connection.get("figure") == b"7"
    private_valkey.restart_empty()
    async with Redis.from_url(private_valkey.redis_url) as connection:
        assert await connection.dbsize() == 0


async def test_polling_gives_up_at_its_deadline() -> None:
    with pytest.raises(AssertionError, match="not so after"):
        await poll_until(lambda: False, timeout=0.01)
