"""The wake-up: many commits one publish, and a Redis that is away costs a command nothing."""

import asyncio
import time

from redis.asyncio import Redis

from contracts.streams import WAKE_CHANNEL
from infrastructure.redis_client import open_redis
from infrastructure.wake import listen_for_wakes, open_waker
from tests.polling import poll_until
from tests.private_servers import PrivateValkey


async def test_wakes_of_many_commits_are_put_together(redis: Redis) -> None:
    async with redis.pubsub(ignore_subscribe_messages=True) as subscription, open_waker(redis) as wake:
        await subscription.subscribe(WAKE_CHANNEL)
        await subscription.get_message(timeout=1)
        for number in range(1000):
            wake([number % 7, 7])
        received = []
        while (message := await subscription.get_message(timeout=0.3)) is not None:
            received.append(message["data"])
    assert received == [b"0,1,2,3,4,5,6,7"]


async def test_a_wake_while_redis_is_away_returns_at_once_and_later_ones_arrive(private_valkey: PrivateValkey) -> None:
    heard: list[float] = []
    async with open_redis(private_valkey.redis_url) as redis, open_waker(redis) as wake:
        listener = asyncio.create_task(listen_for_wakes(redis, lambda: heard.append(time.monotonic())))
        await poll_until(lambda: len(heard) == 1, what="the first subscription")
        private_valkey.kill()
        started = time.monotonic()
        for _ in range(100):
            wake([1])
            await asyncio.sleep(0)
        assert time.monotonic() - started < 0.5
        await asyncio.to_thread(private_valkey.start)
        await poll_until(lambda: len(heard) >= 2, what="subscribed again")
        before = len(heard)

        async def is_heard() -> bool:
            wake([2])
            return len(heard) > before

        await poll_until(is_heard)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
