"""A crash of PostgreSQL takes back what projectors had committed and announced: no token is answered from before it."""

import asyncio

from httpx2 import Response

from contracts.streams import EntryId, Token
from infrastructure.answer_cache import Answer, open_answer_cache
from infrastructure.applied_positions import distrust, open_applied_positions, wait_until_applied
from infrastructure.cache_notices import announce_applied
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from tests.polling import poll_until
from tests.query.cached import PLACE, SHARD, TAG, TASK
from tests.query.world import World, move_checkpoint, positions_of, put_task_detail, tell


async def crash(pool: Pool, position: int) -> None:
    """The checkpoint stands again where it was on disk; nobody is told yet."""
    await move_checkpoint(pool, "task_detail", SHARD, position)


async def ask(world: World, prefer: str) -> Response:
    return await world.get(TASK, headers={"Bureau-Consistency": f"1.{SHARD}:8", "Prefer": prefer})


async def test_a_position_that_was_announced_and_lost_is_not_trusted(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 9)
    await crash(pool, 5)

    strict, lenient = await ask(world, "handling=strict, wait=0"), await ask(world, "wait=0")

    assert strict.status_code == 503
    assert (lenient.headers["Bureau-Stale"], lenient.headers["Bureau-Consistency"]) == ("true", f"1.{SHARD}:5")


async def test_what_is_missing_after_a_crash_is_not_said_to_be_unknown(world: World, pool: Pool) -> None:
    await tell(world, "task_detail", SHARD, 9)
    await crash(pool, 5)

    assert (await ask(world, "handling=strict, wait=0")).status_code == 503
    assert (await ask(world, "wait=0")).headers["Bureau-Stale"] == "true"


async def test_a_token_waits_until_what_was_lost_is_applied_again(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 9)
    await crash(pool, 5)
    asked = asyncio.create_task(ask(world, "wait=20"))
    await poll_until(lambda: positions_of(world).waiters, what="somebody waits")

    await put_task_detail(pool, "t", generation=2)
    await tell(world, "task_detail", SHARD, 9, [TAG])

    assert (await asked).json()["generation"] == 2


async def test_an_answer_from_before_the_crash_is_not_shared_as_a_newer_one(world: World, pool: Pool) -> None:
    await put_task_detail(pool, "t", generation=1)
    await tell(world, "task_detail", SHARD, 9, [TAG])
    await crash(pool, 5)
    await world.get(TASK)

    assert await world.redis.hlen(f"bureau:cache:{TAG}") == 1  # the stamp alone
    assert (await ask(world, "handling=strict, wait=0")).status_code == 503


async def test_a_fill_is_kept_where_it_covers_what_was_applied(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    await announce_applied(redis, {}, {("tasks", 3): EntryId(1, 7)})

    def answer(position: int) -> Answer:
        return Answer(b"{}", '"e"', Token(1, {3: position, 4: 1}))

    assert not await cache.keep(PLACE, "tasks", answer(6), b"")
    assert await cache.keep(PLACE, "tasks", answer(7), b"")


async def test_a_notice_of_a_lower_position_takes_back_the_higher_one(pool: Pool, redis: RedisClient) -> None:
    async with open_applied_positions(pool, redis) as positions:
        await asyncio.wait_for(positions.is_listening.wait(), 10)
        await announce_applied(redis, {}, {("tasks", 3): EntryId(1, 9)})
        await poll_until(lambda: positions.known.get(("tasks", 3)) == EntryId(1, 9))
        await announce_applied(redis, {}, {("tasks", 3): EntryId(1, 5)}, is_forced=True)
        await poll_until(lambda: positions.known[("tasks", 3)] == EntryId(1, 5))

        assert not await wait_until_applied(positions, "tasks", {3: EntryId(1, 8)}, 0)


async def test_a_distrusted_position_is_asked_for_again(pool: Pool, redis: RedisClient) -> None:
    async with open_applied_positions(pool, redis) as positions:
        await move_checkpoint(pool, "tasks", 3, 9)
        assert await wait_until_applied(positions, "tasks", {3: EntryId(1, 8)}, 0)
        await move_checkpoint(pool, "tasks", 3, 5)
        distrust(positions, "tasks", [3, 4])

        assert not await wait_until_applied(positions, "tasks", {3: EntryId(1, 8)}, 0)
