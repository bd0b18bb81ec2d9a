"""The projectors' loops against real servers: streams, log, notices, and what happens when one of them is missing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from contracts.streams import APPLIED_CHANNEL, shard_of, stream_name
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis
from projectors.main import check_followers
from projectors.projections import PROJECTIONS
from projectors.reading import Session, check_reading
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey
from tests.projectors.conftest import ProjectorStarter, start_projectors
from tests.projectors.parked_fold import find_unfolded_but_parked
from tests.projectors.stories import carry, envelope_of, task_story, write, write_tasks
from tests.roots import root_in
from tests.servers import TEST_SHARDS


async def is_reading(session: Session) -> bool:
    try:
        await check_reading(session)
    except RuntimeError:
        return False
    return True


async def test_events_that_were_there_before_the_start_are_applied(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    await write_tasks(pool, randomness, 50)
    await carry(pool, redis)
    async with projectors():
        await poll_until(lambda: has_applied_everything(pool))
    assert await find_unfolded(pool) == []


async def test_events_are_applied_as_they_come(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    async with projectors() as session:
        await poll_until(lambda: is_reading(session))
        for _ in range(5):
            await write_tasks(pool, randomness, 10)
            await carry(pool, redis)
            await poll_until(lambda: has_applied_everything(pool))
    assert await find_unfolded(pool) == []


async def test_without_redis_events_come_from_the_log(pool: Pool, database_url: str, randomness: Random) -> None:
    async with start_projectors(database_url, "redis://127.0.0.1:1/0") as session:
        for _ in range(2):
            await write_tasks(pool, randomness, 20)
            await poll_until(lambda: has_applied_everything(pool))
        assert not await is_reading(session)
    assert await find_unfolded(pool) == []


async def test_an_emptied_redis_costs_nothing_but_time(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    async with projectors() as session:
        await poll_until(lambda: is_reading(session))
        for _ in range(3):
            await write_tasks(pool, randomness, 10)
            await carry(pool, redis)
            await redis.flushdb()
        await write_tasks(pool, randomness, 10)
        await carry(pool, redis)
        await poll_until(lambda: has_applied_everything(pool))
        assert await is_reading(session)
    assert await find_unfolded(pool) == []


async def test_streams_with_gaps_and_strangers_are_completed_from_the_log(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    await write_tasks(pool, randomness, 40)
    await carry(pool, redis)
    for shard in range(TEST_SHARDS):
        await redis.xdel(stream_name(shard), "1-2", "1-3", "1-7")
        await redis.xadd(stream_name(shard), {"hello": "world"}, id="2-5")
        await redis.xadd(stream_name(shard), {"__data__": b"of a lost epoch"}, id="3-6")
    async with projectors():
        await poll_until(lambda: has_applied_everything(pool))
    assert await find_unfolded(pool) == []


async def test_positions_are_published_and_cached_answers_forgotten_after_the_commit(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    story = task_story(randomness)
    detail = f"bureau:cache:task_detail/{story[0].root}"
    await redis.hset(detail, mapping={"answer": b"old", "~": b"before"})
    async with redis.pubsub(ignore_subscribe_messages=True) as notices, projectors() as session:
        await notices.subscribe(APPLIED_CHANNEL)
        await poll_until(lambda: is_reading(session))
        await write(pool, story)
        await carry(pool, redis)
        shard = shard_of(story[0].root, TEST_SHARDS)
        heard = await next_notice(notices, f"task_detail {shard} 1 {len(story)}")
        assert await redis.get(f"bureau:applied:task_detail:{shard}") == f"1.{len(story)}".encode()
        assert await redis.hgetall(detail) == {b"~": f"task_detail/{shard}/1-{len(story)}".encode()}
        assert 0 < await redis.ttl(detail) <= 60
    assert heard


async def test_an_event_that_nobody_knows_parks_its_root_alone_in_every_projection(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    bad = root_in(3, randomness)
    good = [task_story(randomness, root_in(shard, randomness)) for shard in range(TEST_SHARDS)]
    await write(pool, [written for story in good for written in story])
    await pool.execute(
        "SELECT log.append_events(3::smallint, $1, '{task.renamed}', 'default', '{task}', $1, '{1}', $1, $2)",
        [bad],
        [envelope_of(good[3][0]).replace(b"task.submitted", b"task.renamed")],
    )
    await write(pool, task_story(randomness, root_in(3, randomness)))
    await carry(pool, redis)
    async with projectors() as session:
        await poll_until(lambda: has_applied_everything(pool))
        await check_followers(session.followers)
    roots = await pool.fetch("SELECT projection, shard, root_id, error FROM read.parked_roots ORDER BY projection")
    assert [row["projection"] for row in roots] == sorted(projection.name for projection in PROJECTIONS)
    assert {(row["shard"], row["root_id"]) for row in roots} == {(3, bad)}
    assert all("UnknownEventTypeError" in row["error"] for row in roots)
    assert await find_unfolded_but_parked(pool) == []


async def test_notices_that_redis_missed_are_made_up_for_when_it_is_back(
    pool: Pool, database_url: str, private_valkey: PrivateValkey, randomness: Random
) -> None:
    story = task_story(randomness)
    while len(story) < 3:
        story = task_story(randomness)
    async with start_projectors(database_url, private_valkey.redis_url):
        await write(pool, story[:1])
        await poll_until(lambda: has_applied_everything(pool))
        key = f"bureau:cache:task_timeline/{story[0].root}"
        async with open_redis(private_valkey.redis_url) as redis:
            await poll_until(lambda: redis.hget(key, "~"))
            await redis.hset(key, "answer", b"old")
        private_valkey.stop()
        await write(pool, story[1:])
        await poll_until(lambda: has_applied_everything(pool))
        private_valkey.start()
        async with open_redis(private_valkey.redis_url) as redis:
            await poll_until(lambda: is_forgotten(redis, key, f"1-{len(story)}"))


async def test_servers_that_restart_are_found_again(
    private_postgres: PrivatePostgres, private_valkey: PrivateValkey, randomness: Random
) -> None:
    async with start_projectors(private_postgres.database_url, private_valkey.redis_url) as session:
        await poll_until(lambda: is_reading(session))
        for _ in range(2):
            async with open_both(private_postgres, private_valkey) as (pool, redis):
                await write_tasks(pool, randomness, 30)
                await carry(pool, redis)
            private_postgres.kill()
            private_valkey.restart_empty()
            private_postgres.start()
        async with open_both(private_postgres, private_valkey) as (pool, redis):
            await carry(pool, redis)
            await write_tasks(pool, randomness, 30)
            await carry(pool, redis)
            await poll_until(lambda: has_applied_everything(pool), timeout=20)
            assert await find_unfolded(pool) == []
        await poll_until(lambda: is_reading(session))


async def is_not_reading(session: Session) -> bool:
    return not await is_reading(session)


async def next_notice(notices: PubSub, wanted: str) -> bool:
    async with asyncio.timeout(5):
        async for message in notices.listen():
            if message["data"] == wanted.encode():
                return True
    return False


async def is_forgotten(redis: Redis, key: str, entry: str) -> bool:
    fields = await redis.hgetall(key)
    return list(fields) == [b"~"] and entry in str(fields[b"~"])


@asynccontextmanager
async def open_both(postgres: PrivatePostgres, valkey: PrivateValkey) -> AsyncIterator[tuple[Pool, Redis]]:
    pool = await open_pool(postgres.database_url, size=2, application_name="projectors test")
    async with open_redis(valkey.redis_url) as redis:
        yield pool, redis
    await pool.close()
