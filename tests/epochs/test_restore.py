"""A PostgreSQL that was put back to an earlier copy and written past: refused, bumped, and all agrees again."""

import asyncio
from pathlib import Path
from random import Random

import pytest
from redis.asyncio import Redis

from contracts.streams import EntryId, Token, stream_name
from infrastructure.cache_notices import read_applied
from infrastructure.epochs import LostPositionError, open_token_resolver
from infrastructure.forks import find_forks
from tests.epochs.running import agrees, at_rest, connected, run_epoch, running_line, stopped_shards, write
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres

pytestmark = [pytest.mark.faults, pytest.mark.slow]


async def test_a_database_put_back_and_written_past_is_refused_and_resumed_by_a_bump(
    private_postgres: PrivatePostgres, redis: Redis, redis_url: str, randomness: Random, server_directory: Path
) -> None:
    copy = server_directory / "copy"
    async with running_line(private_postgres.database_url, redis_url) as relay:
        await write(private_postgres.database_url, randomness, 60)
        await at_rest(private_postgres.database_url, redis)
        await asyncio.to_thread(private_postgres.save_copy, copy)
        await write(private_postgres.database_url, randomness, 40)
        await at_rest(private_postgres.database_url, redis)
        async with connected(private_postgres.database_url) as pool:
            lost = {fork.shard: fork.head for fork in await find_forks(pool, redis)}
        await redis.hset("bureau:cache:task_detail/of-the-lost-future", "answer", "a ghost")

        await asyncio.to_thread(private_postgres.put_back, copy)
        async with connected(private_postgres.database_url) as pool:
            kept = {fork.shard: fork.head for fork in await find_forks(pool, redis)}
        await write(private_postgres.database_url, randomness, 30)
        haunted = {shard for shard, entry in lost.items() if entry > kept[shard]}
        await poll_until(lambda: stopped_shards(relay).keys() == haunted, timeout=30, what="the haunted shards stop")
        assert all("`bureau epoch bump`" in words for words in stopped_shards(relay).values())

        code, shown, words = run_epoch(private_postgres.database_url, redis_url, "show")
        assert (code, shown["next_epoch"], len(shown["troubles"])) == (1, 2, len(haunted))
        assert {each["shard"]: each["agreed"] for each in shown["shards"] if each["shard"] in haunted} == {
            shard: kept[shard].position for shard in haunted
        }
        assert "begins epoch 2" in words

        bump = ("bump", "--yes", "--reason", "put back by a test")
        code, done, words = run_epoch(private_postgres.database_url, redis_url, *bump)
        assert (code, done["begun"], "epoch 2 has begun" in words) == (0, True, True)
        await poll_until(lambda: not stopped_shards(relay), timeout=30, what="every shard goes on")
        await write(private_postgres.database_url, randomness, 30)
        await at_rest(private_postgres.database_url, redis)
        await agrees(private_postgres.database_url, redis)
        await check_what_is_lost(private_postgres, redis, lost, kept)
        assert run_epoch(private_postgres.database_url, redis_url, "show")[0] == 0


async def check_what_is_lost(
    private_postgres: PrivatePostgres, redis: Redis, lost: dict[int, EntryId], kept: dict[int, EntryId]
) -> None:
    """Tokens of the lost future mean nothing, tokens of before still do; caches are clean, ghosts are still there."""
    async with connected(private_postgres.database_url) as pool:
        resolve = open_token_resolver(pool)
        for shard, entry in lost.items():
            if entry > kept[shard]:
                with pytest.raises(LostPositionError):
                    await resolve(Token(1, {shard: entry.position}))
                assert await redis.xrange(stream_name(shard), min=str(entry), max=str(entry))
            assert await resolve(Token(1, {shard: kept[shard].position})) == (
                {shard: kept[shard]} if kept[shard].position else {}
            )
        assert await pool.fetchval("SELECT reason FROM log.clusters WHERE epoch = 2") == "put back by a test"
        heads = {fork.shard: fork.head for fork in await find_forks(pool, redis)}
        assert all(entry <= heads[shard] for shard, entry in (await read_applied(redis, "tasks", list(lost))).items())
    assert not await redis.exists("bureau:cache:task_detail/of-the-lost-future")
