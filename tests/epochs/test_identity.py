"""Which cluster a database lives in: asked at every connection, admitted where nothing was lost, refused otherwise."""

from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from contracts.streams import stream_name
from infrastructure.cluster_identity import (
    ClusterChangedError,
    ClusterIdentity,
    admit_cluster,
    read_identity,
    read_recorded_identity,
    refuse_changed_cluster,
)
from infrastructure.postgres import Pool, open_pool
from tests.epochs.line import SHARD, Line
from tests.servers import TEST_SHARDS

ELSEWHERE = "UPDATE log.clusters SET system_identifier = '7', timeline = 3"


async def test_migrating_records_the_cluster_once(pool: Pool) -> None:
    assert await read_recorded_identity(pool) == await read_identity(pool)
    assert await pool.fetchval("SELECT array_agg(reason) FROM log.clusters") == ["first seen"]


async def test_the_identity_is_the_servers_own(pool: Pool) -> None:
    identity = await read_identity(pool)
    assert identity.system_identifier.isdecimal()
    checkpoint = await pool.fetchval("SELECT timeline_id FROM pg_control_checkpoint()")
    assert identity.timeline == checkpoint >= 1


async def test_the_recorded_cluster_is_let_in(pool: Pool, redis: Redis) -> None:
    await refuse_changed_cluster(pool)
    await admit_cluster(redis, pool)
    assert await pool.fetchval("SELECT count(*) FROM log.clusters") == 1


@pytest.mark.parametrize("change", ["SET timeline = timeline + 1", "SET system_identifier = '7'"])
async def test_another_cluster_is_refused_until_the_ends_of_all_streams_are_in_its_log(line: Line, change: str) -> None:
    pool, redis = line.pool, line.redis
    await pool.execute(f"UPDATE log.clusters {change}")
    with pytest.raises(ClusterChangedError, match="bureau epoch bump"):
        await refuse_changed_cluster(pool)
    await line.append(3)  # what was not published yet is no obstacle
    await admit_cluster(redis, pool)
    await refuse_changed_cluster(pool)
    assert await pool.fetchval("SELECT array_agg(DISTINCT epoch) FROM log.clusters") == [1]
    assert await read_recorded_identity(pool) == await read_identity(pool)


@pytest.mark.parametrize("loss", ["tail", "written past", "stream"])
async def test_another_cluster_that_may_lack_something_is_not_admitted(line: Line, loss: str) -> None:
    pool, redis = line.pool, line.redis
    await pool.execute(ELSEWHERE)
    if loss == "stream":
        await redis.delete(stream_name(SHARD))
    else:
        await line.lose(15)
        await line.append(0 if loss == "tail" else 10)
    with pytest.raises(ClusterChangedError, match=rf"\(shards {SHARD}\)"):
        await admit_cluster(redis, pool)
    await line.bump()
    await refuse_changed_cluster(pool)
    assert await pool.fetchval("SELECT max(epoch) FROM log.clusters") == 2


async def test_a_new_line_is_admitted_anywhere(pool: Pool, redis: Redis) -> None:
    await pool.execute(ELSEWHERE)
    await admit_cluster(redis, pool)
    await refuse_changed_cluster(pool)


async def test_a_pool_that_refuses_gives_out_no_connection(database_url: str, pool: Pool) -> None:
    await pool.execute(ELSEWHERE)
    refusing = await open_pool(database_url, size=2, application_name="epochs test", on_connect=refuse_changed_cluster)
    for _ in range(2):
        with pytest.raises(ClusterChangedError):
            await refusing.fetchval("SELECT 1")
    await pool.execute("DELETE FROM log.clusters")
    assert await refusing.fetchval("SELECT 1") == 1
    await refusing.close()


async def test_a_server_that_does_not_say_who_it_is_is_let_in(database_url: str, pool: Pool) -> None:
    name = urlsplit(database_url).path.removeprefix("/")
    await pool.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD 'modest'")
    try:
        for function in ("pg_control_system()", "pg_walfile_name(pg_lsn)"):
            await pool.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        await pool.execute(f'GRANT USAGE ON SCHEMA log TO "{name}"; GRANT SELECT ON log.clusters TO "{name}"')
        place = urlsplit(database_url)
        modest = await asyncpg.connect(
            host=place.hostname, port=place.port, user=name, password="modest", database=name
        )
        try:
            assert await read_identity(modest) == ClusterIdentity("", 0)
            await refuse_changed_cluster(modest)
        finally:
            await modest.close()
    finally:
        await pool.execute(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


def test_shards_are_as_the_line_of_these_tests_has_them() -> None:
    assert SHARD < TEST_SHARDS
