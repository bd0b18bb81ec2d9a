"""A PostgreSQL that was put back to an earlier copy and written past: refused, bumped, and all agrees again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from contracts.streams import EntryId, Token, stream_name
from infrastructure.cache_notices import read_applied
from infrastructure.epochs import LostPositionError, open_token_resolver
from infrastructure.forks import find_forks
from infrastructure.postgres import Pool, open_pool
from outbox_relay.records import ShardCondition
from projectors.main import check_followers
from tests.fold import find_unfolded, has_applied_everything
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres
from tests.projectors.conftest import start_projectors
from tests.projectors.stories import write_tasks
from tests.relay.conftest import RunningRelay, start_relay
from tests.runtime.command_line import bureau

pytestmark = [pytest.mark.faults, pytest.mark.slow]


def run_epoch(postgres: PrivatePostgres, redis_url: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run `bureau epoch … --json`; return exit code, data and words."""
    environment = {"DATABASE_URL": postgres.database_url, "REDIS_URL": redis_url}
    done = bureau("epoch", *arguments, "--json", environment=environment)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@asynccontextmanager
async def running_line(postgres: PrivatePostgres, redis_url: str) -> AsyncIterator[RunningRelay]:
    """Run relay and projectors; whatever happens to PostgreSQL meanwhile, they are neither asked nor restarted."""
    async with (
        start_relay(postgres.database_url, redis_url) as relay,
        start_projectors(postgres.database_url, redis_url) as session,
    ):
        yield relay
        await check_followers(session.followers)


@asynccontextmanager
async def connected(postgres: PrivatePostgres) -> AsyncIterator[Pool]:
    pool = await open_pool(postgres.database_url, size=4, application_name="epochs test")
    try:
        yield pool
    finally:
        pool.terminate()


async def write(postgres: PrivatePostgres, randomness: Random, tasks: int) -> None:
    async with connected(postgres) as pool:
        await write_tasks(pool, randomness, tasks)


async def at_rest(postgres: PrivatePostgres, redis: Redis) -> None:
    async with connected(postgres) as pool:
        await poll_until(lambda: has_caught_up(pool, redis), timeout=60, what="streams at the heads of the log")
        await poll_until(lambda: has_applied_everything(pool), timeout=60, what="projections at the heads of the log")


async def agrees(postgres: PrivatePostgres, redis: Redis) -> None:
    async with connected(postgres) as pool:
        assert await find_differences(pool, redis) == []
        assert await find_unfolded(pool) == []


def stopped(relay: RunningRelay) -> dict[int, str]:
    shards = relay.status.shards.items()
    return {shard: state.error for shard, state in shards if state.condition is ShardCondition.STOPPED}


@pytest.fixture
def postgres(private_postgres: PrivatePostgres) -> PrivatePostgres:
    return private_postgres


async def test_a_database_put_back_and_written_past_is_refused_and_resumed_by_a_bump(
    postgres: PrivatePostgres, redis: Redis, redis_url: str, randomness: Random, server_directory: Path
) -> None:
    copy = server_directory / "copy"
    async with running_line(postgres, redis_url) as relay:
        await write(postgres, randomness, 60)
        await at_rest(postgres, redis)
        await asyncio.to_thread(postgres.save_copy, copy)
        await write(postgres, randomness, 40)
        await at_rest(postgres, redis)
        async with connected(postgres) as pool:
            lost = {fork.shard: fork.head for fork in await find_forks(pool, redis)}
        await redis.hset("bureau:cache:task_detail/of-the-lost-future", "answer", "a ghost")

        await asyncio.to_thread(postgres.put_back, copy)
        async with connected(postgres) as pool:
            kept = {fork.shard: fork.head for fork in await find_forks(pool, redis)}
        await write(postgres, randomness, 30)
        haunted = {shard for shard, entry in lost.items() if entry > kept[shard]}
        await poll_until(lambda: stopped(relay).keys() == haunted, timeout=30, what="the haunted shards stop")
        assert all("`bureau epoch bump`" in words for words in stopped(relay).values())

        code, shown, words = run_epoch(postgres, redis_url, "show")
        assert (code, shown["next_epoch"], len(shown["troubles"])) == (1, 2, len(haunted))
        assert {each["shard"]: each["agreed"] for each in shown["shards"] if each["shard"] in haunted} == {
            shard: kept[shard].position for shard in haunted
        }
        assert "begins epoch 2" in words

        code, done, words = run_epoch(postgres, redis_url, "bump", "--yes", "--reason", "put back by a test")
        assert (code, done["begun"], "epoch 2 has begun" in words) == (0, True, True)
        await poll_until(lambda: not stopped(relay), timeout=30, what="every shard goes on")
        await write(postgres, randomness, 30)
        await at_rest(postgres, redis)
        await agrees(postgres, redis)
        await check_what_is_lost(postgres, redis, lost, kept)
        assert run_epoch(postgres, redis_url, "show")[0] == 0


async def check_what_is_lost(
    postgres: PrivatePostgres, redis: Redis, lost: dict[int, EntryId], kept: dict[int, EntryId]
) -> None:
    """Tokens of the lost future mean nothing, tokens of before still do; caches are clean, ghosts are still there."""
    async with connected(postgres) as pool:
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
