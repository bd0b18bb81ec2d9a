"""What is read of the streams, and what becomes of a subscription that ends."""

import re
from random import Random

import pytest
from redis.asyncio import Redis

from contracts.streams import stream_name
from infrastructure.postgres import Pool
from projectors.reading import check_reading
from tests.fold import find_unfolded, has_applied_everything
from tests.polling import poll_until
from tests.projectors.conftest import ProjectorStarter
from tests.projectors.stories import carry, task_story, write, write_tasks
from tests.projectors.test_process import is_not_reading, is_reading
from tests.roots import root_in


async def test_another_key_in_a_streams_place_is_named_and_the_other_streams_are_read(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    await redis.set(stream_name(3), "no stream")
    async with projectors() as session:
        await poll_until(lambda: bool(session.reading))
        with pytest.raises(RuntimeError, match=re.escape(f"(string) stands at {stream_name(3)}")):
            await check_reading(session)
        [subscriber] = session.reading
        await write(pool, task_story(randomness, root_in(5, randomness)))
        await carry(pool, redis)
        last = (await redis.xinfo_stream(stream_name(5)))["last-generated-id"]
        await poll_until(lambda: subscriber.positions[stream_name(5).encode()] == last)
        await poll_until(lambda: has_applied_everything(pool))
        assert session.reading == [subscriber]
        await redis.delete(stream_name(3))
        await poll_until(lambda: is_reading(session))


async def test_a_subscription_that_dies_is_noticed_and_begun_again(
    pool: Pool, redis: Redis, projectors: ProjectorStarter, randomness: Random
) -> None:
    await redis.set(stream_name(3), "no stream")
    async with projectors() as session:
        await write_tasks(pool, randomness, 20)
        await poll_until(lambda: has_applied_everything(pool))
        await poll_until(lambda: is_not_reading(session))
        await redis.delete(stream_name(3))
        await carry(pool, redis)
        await poll_until(lambda: is_reading(session))
        [subscriber] = session.reading
        await subscriber.stop()
        await poll_until(lambda: session.reading not in ([], [subscriber]))
        await poll_until(lambda: is_reading(session))
        await write_tasks(pool, randomness, 20)
        await poll_until(lambda: has_applied_everything(pool))
    assert await find_unfolded(pool) == []
