"""The shared cache by itself: what goes in comes out, for a minute, and within bounds."""

from contracts.streams import EntryId, Token
from infrastructure.answer_cache import Answer, CachePlace, open_answer_cache
from infrastructure.redis_client import RedisClient
from tests.query.cached import PLACE
from tests.query.world import (
    announce,
)


async def test_an_answer_is_forgotten_after_a_minute_whatever_is_filled_beside_it(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    await cache.keep(PLACE, "tasks", Answer(b"{}", '"e"', None), b"")
    await redis.expire("bureau:cache:tag", 7)

    assert await cache.keep(CachePlace("tag", "other"), "tasks", Answer(b"{}", '"e"', None), b"")

    assert 0 < await redis.ttl("bureau:cache:tag") <= 7


async def test_an_answer_comes_out_of_the_cache_as_it_went_in(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    answers = [
        Answer(b'{"text":"\\n\xc3\xa4"}\n\n', '"e"', Token(2, {1: 5, 7: 9}), "cursor"),
        Answer(b"", '"e"', None, None),
    ]

    for answer in answers:
        assert await cache.keep(PLACE, "tasks", answer, b"")
        assert (await cache.look_up(PLACE, "tasks", {})).answer == answer


async def test_a_tag_holds_only_so_many_answers_and_none_that_is_huge(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    answer = Answer(b"{}", '"e"', None)

    kept = [await cache.keep(CachePlace("tag", str(n)), "tasks", answer, b"") for n in range(210)]

    assert (sum(kept), await redis.hlen("bureau:cache:tag")) == (200, 200)
    assert not await cache.keep(CachePlace("big", "v"), "tasks", Answer(b"x" * 1_048_577, '"e"', None), b"")


async def test_an_entry_needs_the_epoch_of_its_token_too(redis: RedisClient) -> None:
    cache = open_answer_cache(redis)
    await cache.keep(PLACE, "tasks", Answer(b"{}", '"e"', None), b"")
    await announce(redis, "tasks", 3, 100)

    assert (await cache.look_up(PLACE, "tasks", {3: EntryId(1, 60)})).answer is not None
    assert (await cache.look_up(PLACE, "tasks", {3: EntryId(2, 60)})).answer is None
    assert (await cache.look_up(PLACE, "tasks", {3: EntryId(1, 60), 4: EntryId(1, 1)})).answer is None
