"""What Redis knows of a projection is brought in line with its checkpoints, whatever was missed, however much."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from random import Random
from uuid import UUID

import pytest
from redis.asyncio import Redis

from contracts.streams import APPLIED_CHANNEL, EntryId, Token
from infrastructure.answer_cache import Answer, CachePlace, open_answer_cache
from infrastructure.cache_notices import announce_applied, applied_key, cache_key
from infrastructure.postgres import Pool
from infrastructure.read_versions import ReadVersion
from projectors.announcer import Announcer, announce, ask_for_comparison
from projectors.announcing import Servers, keep_announcing
from projectors.projections.task_detail import TASK_DETAIL
from tests.polling import poll_until
from tests.projectors.poison import long_story
from tests.projectors.stories import write
from tests.query.world import move_checkpoint
from tests.roots import new_id

SHARD = 5
NAME = TASK_DETAIL.name


@asynccontextmanager
async def announcer_at(pool: Pool, redis: Redis, position: int) -> AsyncIterator[Announcer]:
    """Say what there is to say of one shard, of which a replica believes that it stands at a position."""
    announcer = Announcer({NAME: TASK_DETAIL}, {NAME: {SHARD: EntryId(1, position)}})
    announcing = asyncio.create_task(keep_announcing(announcer, Servers(redis, pool)))
    try:
        yield announcer
    finally:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)


async def compare(announcer: Announcer, redis: Redis) -> None:
    """Have the positions compared and wait for the end of it: what is said afterwards is said last."""
    ask_for_comparison(announcer, NAME)
    announce(announcer, ReadVersion("another", 1), {0: EntryId(1, 1)}, {})

    async def is_said() -> bool:
        return await redis.get(applied_key("another", 0)) is not None

    await poll_until(is_said)


async def cache_answers(redis: Redis, tasks: Iterable[UUID]) -> list[str]:
    """Put an answer about each task into the cache; return the keys."""
    keys = [cache_key(f"{NAME}/{task}") for task in tasks]
    for key in keys:
        await redis.hset(key, mapping={"answer": b"old"})
    return keys


async def cached(redis: Redis, keys: Sequence[str]) -> list[bool]:
    return [bool(await redis.hexists(key, "answer")) for key in keys]


async def applied(redis: Redis) -> object:
    return await redis.get(applied_key(NAME, SHARD))


async def test_what_happened_since_the_known_position_is_forgotten_and_nothing_else(
    pool: Pool, redis: Redis, randomness: Random
) -> None:
    first, second = (long_story(randomness, SHARD)[:5] for _ in range(2))
    await write(pool, [*first, *second])
    keys = await cache_answers(redis, [first[0].root, second[0].root])
    await announce_applied(redis, {}, {(NAME, SHARD): EntryId(1, 5)})
    async with announcer_at(pool, redis, 10) as announcer:
        await compare(announcer, redis)
    assert await cached(redis, keys) == [True, False]
    assert await applied(redis) == b"1.10"


async def test_another_replicas_progress_is_not_taken_for_lost_commits(
    pool: Pool, redis: Redis, randomness: Random
) -> None:
    await write(pool, long_story(randomness, SHARD)[:5])
    await move_checkpoint(pool, NAME, SHARD, 5)
    await announce_applied(redis, {}, {(NAME, SHARD): EntryId(1, 5)})
    async with redis.pubsub(ignore_subscribe_messages=True) as notices, announcer_at(pool, redis, 2) as announcer:
        await notices.subscribe(APPLIED_CHANNEL)
        await compare(announcer, redis)
        heard = [await notices.get_message(timeout=0) for _ in range(3)]
    assert await applied(redis) == b"1.5"
    assert f"{NAME} {SHARD} 1 2".encode() not in [message["data"] for message in heard if message]


async def test_commits_that_a_crash_took_back_are_said_and_their_answers_forgotten(
    pool: Pool, redis: Redis, randomness: Random
) -> None:
    first, second = (long_story(randomness, SHARD)[:5] for _ in range(2))
    await write(pool, [*first, *second])
    await move_checkpoint(pool, NAME, SHARD, 5)
    keys = await cache_answers(redis, [first[0].root, second[0].root])
    await announce_applied(redis, {}, {(NAME, SHARD): EntryId(1, 10)})
    async with announcer_at(pool, redis, 5) as announcer:
        await compare(announcer, redis)
    assert await cached(redis, keys) == [True, False]
    assert await applied(redis) == b"1.5"


async def test_a_position_far_behind_has_everything_forgotten_and_costs_no_reading_of_the_log(
    pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_arguments: object, **_options: object) -> None:
        message = "the log is read"
        raise AssertionError(message)

    monkeypatch.setattr("projectors.announcing.read_log", refuse)
    keys = await cache_answers(redis, (new_id(randomness) for _ in range(1_200)))
    await announce_applied(redis, {}, {(NAME, SHARD): EntryId(1, 7)})
    async with announcer_at(pool, redis, 5_000_000) as announcer:
        await compare(announcer, redis)
    assert not any(await cached(redis, keys))
    assert await applied(redis) == b"1.5000000"


async def test_answers_about_events_that_the_log_no_longer_holds_are_forgotten_too(
    pool: Pool, redis: Redis, randomness: Random
) -> None:
    await pool.execute("UPDATE log.floors SET position = 10, event_id = gen_random_uuid()")
    cut, after = (long_story(randomness, SHARD)[:5] for _ in range(2))
    await write(pool, after)
    keys = await cache_answers(redis, [cut[0].root, after[0].root])
    await announce_applied(redis, {}, {(NAME, SHARD): EntryId(1, 5)})
    async with announcer_at(pool, redis, 15) as announcer:
        await compare(announcer, redis)
    assert await cached(redis, keys) == [False, False]
    assert await applied(redis) == b"1.15"


async def test_a_forgetting_that_was_cut_off_is_begun_again(pool: Pool, redis: Redis, randomness: Random) -> None:
    keys = await cache_answers(redis, [new_id(randomness)])
    await announce_applied(redis, {}, {(NAME, SHARD): EntryId(0, 9)})
    async with announcer_at(pool, redis, 9) as announcer:
        await compare(announcer, redis)
    assert await cached(redis, keys) == [False]
    assert await applied(redis) == b"1.9"


async def test_while_everything_is_forgotten_no_token_is_served_and_nothing_older_is_kept(redis: Redis) -> None:
    place, cache = CachePlace(f"{NAME}/x", "answer"), open_answer_cache(redis)

    def answer(position: int) -> Answer:
        return Answer(b"{}", '"etag"', Token(1, {SHARD: position}))

    await announce_applied(redis, {}, {(NAME, SHARD): EntryId(0, 9)})
    assert not await cache.keep(place, NAME, answer(8), b"")
    assert await cache.keep(place, NAME, answer(9), b"")
    assert (await cache.look_up(place, NAME, {SHARD: EntryId(1, 3)})).answer is None
