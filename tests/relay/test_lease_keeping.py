"""Members that keep their leases by themselves: they come, leave and fail, and every shard has somebody."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from infrastructure.clock import monotonic_seconds
from infrastructure.lease_keeping import HeldShards, LeasePlan, open_leases
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import open_redis
from infrastructure.shard_leases import new_member, read_lease_holders
from tests.polling import poll_until
from tests.private_servers import PrivateValkey
from tests.servers import TEST_SHARDS

ROLE = "test"
EVERY_SHARD = frozenset(range(TEST_SHARDS))


@dataclass(frozen=True, slots=True)
class Keeper:
    shards: HeldShards
    changes: list[float] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def held(self) -> frozenset[int] | None:
        return self.shards.held(ROLE)


@asynccontextmanager
async def keeper(database_url: str, redis_url: str) -> AsyncIterator[Keeper]:
    """Take part with a pool and a client of its own, as a process would."""
    pool = await open_pool(database_url, size=2, application_name="keeper")
    redis = open_redis(redis_url)
    changes, troubles = list[float](), list[str]()
    plan = LeasePlan(
        new_member(), [ROLE], on_change=lambda: changes.append(monotonic_seconds()), is_fit=lambda: not troubles
    )
    async with open_leases(pool, redis, plan) as shards:
        yield Keeper(shards, changes, troubles)
    pool.terminate()
    await redis.aclose()


def sizes(keepers: Sequence[Keeper]) -> list[int]:
    """Return how many shards each holds, fewest first; empty unless every shard is held exactly once."""
    held = [each.held or frozenset() for each in keepers]
    is_whole = frozenset().union(*held) == EVERY_SHARD and sum(map(len, held)) == TEST_SHARDS
    return sorted(map(len, held)) if is_whole else []


async def test_keepers_come_to_fair_shares_and_fill_the_place_of_whoever_leaves(
    database_url: str, redis_url: str
) -> None:
    async with AsyncExitStack() as stack:
        keepers = [await stack.enter_async_context(keeper(database_url, redis_url)) for _ in range(3)]
        await poll_until(lambda: sizes(keepers) == [5, 5, 6])
        async with keeper(database_url, redis_url) as fourth:
            await poll_until(lambda: sizes([*keepers, fourth]) == [4, 4, 4, 4])
        await poll_until(lambda: sizes(keepers) == [5, 5, 6])


async def seconds_to_hand_over(first: Keeper, database_url: str, redis_url: str) -> float:
    """Let a second member come and leave; return how long the first then waits for all shards."""
    async with keeper(database_url, redis_url) as second:
        await poll_until(lambda: sizes([first, second]) == [8, 8])
        started = monotonic_seconds()
    await poll_until(lambda: first.held == EVERY_SHARD)
    return first.changes[-1] - started


async def test_whoever_leaves_wakes_the_others_long_before_the_lease_runs_out(
    database_url: str, redis_url: str
) -> None:
    async with keeper(database_url, redis_url) as first:
        took = [await seconds_to_hand_over(first, database_url, redis_url) for _ in range(5)]
    assert sorted(took)[2] < 0.3, took


async def test_an_unfit_member_leaves_its_shards_to_the_others_and_works_on_what_it_can(
    database_url: str, redis_url: str
) -> None:
    async with keeper(database_url, redis_url) as first, keeper(database_url, redis_url) as second:
        await poll_until(lambda: sizes([first, second]) == [8, 8])
        second.troubles.append("no way to Redis")
        await poll_until(lambda: first.held == EVERY_SHARD and second.held is None)
        second.troubles.clear()
        await poll_until(lambda: sizes([first, second]) == [8, 8])


async def test_leases_that_cannot_be_renewed_stop_nobody(pool: Pool, database_url: str, redis_url: str) -> None:
    async with keeper(database_url, redis_url) as first:
        await poll_until(lambda: first.held == EVERY_SHARD)
        async with keeper(database_url, redis_url) as second:
            await poll_until(lambda: sizes([first, second]) == [8, 8])
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("LOCK TABLE log.shard_leases IN ACCESS EXCLUSIVE MODE")
                await poll_until(lambda: first.held is None and second.held is None)
            await poll_until(lambda: sizes([first, second]) == [8, 8])


async def test_leases_are_kept_without_redis(database_url: str, private_valkey: PrivateValkey) -> None:
    await asyncio.to_thread(private_valkey.stop)
    async with keeper(database_url, private_valkey.redis_url) as first:
        async with keeper(database_url, private_valkey.redis_url) as second:
            await poll_until(lambda: sizes([first, second]) == [8, 8])
        await poll_until(lambda: sizes([first]) == [16])


async def test_nothing_is_held_any_more_when_all_have_left(pool: Pool, database_url: str, redis_url: str) -> None:
    async with keeper(database_url, redis_url) as only:
        await poll_until(lambda: only.held == EVERY_SHARD)
        [holder] = await read_lease_holders(pool, [ROLE])
        assert frozenset(holder.shards) == EVERY_SHARD
    assert await read_lease_holders(pool, [ROLE]) == []
    assert await pool.fetchval("SELECT count(holder) FROM log.shard_leases") == 0
