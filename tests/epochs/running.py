"""A line at work for tests that put its database back or fail it over: relay and projectors, started once."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple

from redis.asyncio import Redis

from infrastructure.postgres import Pool, open_pool
from outbox_relay.records import ShardCondition
from projectors.main import check_followers
from tests.fold import find_unfolded, has_applied_everything
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.projectors.conftest import start_projectors
from tests.projectors.stories import write_tasks
from tests.relay.conftest import RunningRelay, start_relay
from tests.runtime.command_line import bureau

__all__ = ["Said", "agrees", "at_rest", "connected", "run_epoch", "running_line", "stopped_shards", "write"]


class Said(NamedTuple):
    """What `bureau epoch … --json` answered."""

    code: int
    data: dict[str, Any]
    words: str


def run_epoch(database_url: str, redis_url: str, *arguments: str) -> Said:
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    done = bureau("epoch", *arguments, "--json", environment=environment)
    return Said(done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr)


@asynccontextmanager
async def running_line(database_url: str, redis_url: str) -> AsyncIterator[RunningRelay]:
    """Run relay and projectors; whatever happens to PostgreSQL meanwhile, they are neither asked nor restarted."""
    async with start_relay(database_url, redis_url) as relay, start_projectors(database_url, redis_url) as session:
        yield relay
        await check_followers(session.followers)


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url, size=4, application_name="epochs test")
    try:
        yield pool
    finally:
        pool.terminate()


async def write(database_url: str, randomness: Random, tasks: int) -> None:
    async with connected(database_url) as pool:
        await write_tasks(pool, randomness, tasks)


async def at_rest(database_url: str, redis: Redis) -> None:
    async with connected(database_url) as pool:
        await poll_until(lambda: has_caught_up(pool, redis), timeout=60, what="streams at the heads of the log")
        await poll_until(lambda: has_applied_everything(pool), timeout=60, what="projections at the heads of the log")


async def agrees(database_url: str, redis: Redis) -> None:
    async with connected(database_url) as pool:
        assert await find_differences(pool, redis) == []
        assert await find_unfolded(pool) == []


def stopped_shards(relay: RunningRelay) -> dict[int, str]:
    """Return what keeps the shards that are stopped, by shard."""
    shards = relay.status.shards.items()
    return {shard: state.error for shard, state in shards if state.condition is ShardCondition.STOPPED}
