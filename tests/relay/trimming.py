"""What tests of trimming share: the relay's upkeep for one shard, and where floor and stream are."""

import random

from redis.asyncio import Redis

from contracts.streams import EntryId
from infrastructure.postgres import Pool
from infrastructure.stream_trimming import Retention, read_floors, read_streams
from outbox_relay.keeping import KeepingDependencies, create_keeping
from tests.oracle import has_caught_up
from tests.polling import poll_until
from tests.relay.conftest import RelayStarter
from tests.relay.test_groups import SHARD, append

__all__ = ["carry", "first", "floor", "keeping"]


def keeping(pool: Pool, redis: Redis, *, keep: int = 1, limit: int = 1_000) -> KeepingDependencies:
    return create_keeping(pool, redis, Retention(keep, limit), lambda: None)


async def carry(pool: Pool, redis: Redis, relay: RelayStarter, number: int, randomness: random.Random) -> None:
    """Append events to the shard and have them carried."""
    await append(pool, number, randomness)
    async with relay():
        await poll_until(lambda: has_caught_up(pool, redis))


async def floor(pool: Pool) -> EntryId:
    return (await read_floors(pool))[SHARD].entry


async def first(redis: Redis) -> str:
    streams = await read_streams(redis, [SHARD])
    return str(streams[SHARD].first)
