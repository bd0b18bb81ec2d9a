"""Whatever becomes of Redis while events are written, relays of their own processes put every stream right again."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from contracts.streams import stream_name
from infrastructure.postgres import Pool
from infrastructure.redis_client import open_redis
from infrastructure.stream_shapes import read_shapes
from tests.oracle import find_differences, has_caught_up
from tests.polling import poll_until
from tests.private_servers import PrivateValkey
from tests.relay.events import append_event
from tests.relay.processes import relay_process
from tests.roots import root_in
from tests.servers import TEST_SHARDS


@dataclass(frozen=True, slots=True)
class Scene:
    """The Redis that is harmed, and a copy of its data from before most events were written."""

    server: PrivateValkey
    copy: Path

    @property
    def data(self) -> Path:
        return self.server.running[0].config.home / "data"


async def empty_it(_scene: Scene, redis: Redis) -> None:
    await redis.flushall()


async def restart_it_without_its_data(scene: Scene, redis: Redis) -> None:
    await asyncio.to_thread(scene.server.restart_empty)
    await redis.connection_pool.disconnect()


async def put_back_an_old_copy(scene: Scene, redis: Redis) -> None:
    scene.server.kill()
    shutil.rmtree(scene.data)
    shutil.copytree(scene.copy, scene.data)
    await asyncio.to_thread(scene.server.start)
    await redis.connection_pool.disconnect()


async def delete_some_streams(_scene: Scene, redis: Redis) -> None:
    await redis.delete(*(stream_name(shard) for shard in range(0, TEST_SHARDS, 3)))


async def delete_the_ends(_scene: Scene, redis: Redis) -> None:
    for shard in range(TEST_SHARDS):
        await redis.xdel(stream_name(shard), str((await read_shapes(redis, [shard]))[shard].last))


async def trim_them_too_far(_scene: Scene, redis: Redis) -> None:
    for shard in range(TEST_SHARDS):
        await redis.xtrim(stream_name(shard), maxlen=shard % 3, approximate=False)


type Harm = Callable[[Scene, Redis], Awaitable[None]]

HARMS: tuple[Harm, ...] = (
    empty_it,
    restart_it_without_its_data,
    put_back_an_old_copy,
    delete_some_streams,
    delete_the_ends,
    trim_them_too_far,
)


@asynccontextmanager
async def writing(pool: Pool, seed: int) -> AsyncIterator[None]:
    """Append events one by one to every shard in turn, from two writers, while the block runs."""
    is_over = asyncio.Event()

    async def write(own: random.Random) -> None:
        roots, generation = [root_in(shard, own) for shard in range(TEST_SHARDS)], 0
        while not is_over.is_set():
            generation += 1
            for root in roots:
                await append_event(pool, root, generation, own)

    writers = [asyncio.create_task(write(random.Random(seed + number))) for number in range(2)]
    try:
        yield
    finally:
        is_over.set()
        await asyncio.gather(*writers)


async def is_whole(pool: Pool, redis: Redis) -> bool:
    return await has_caught_up(pool, redis) and not await find_differences(pool, redis)


async def events_written(pool: Pool) -> int:
    written: int = await pool.fetchval("SELECT count(*) FROM log.events")
    return written


@pytest.mark.faults
@pytest.mark.slow
async def test_streams_are_whole_again_after_everything_that_can_happen_to_redis(
    pool: Pool, database_url: str, private_valkey: PrivateValkey, server_directory: Path
) -> None:
    url, scene = private_valkey.redis_url, Scene(private_valkey, server_directory / "copy")
    async with relay_process(database_url, url), relay_process(database_url, url), open_redis(url) as redis:
        async with writing(pool, 1):
            await poll_until(lambda: has_caught_up_to(pool, redis, 200), timeout=30)
            await asyncio.to_thread(private_valkey.stop)
            shutil.copytree(scene.data, scene.copy)
            await asyncio.to_thread(private_valkey.start)
            await redis.connection_pool.disconnect()
        await poll_until(lambda: is_whole(pool, redis), timeout=30)
        for number, harm in enumerate(HARMS, 2):
            async with writing(pool, number * 10):
                goal = await events_written(pool) + 150
                await poll_until(lambda goal=goal: has_caught_up_to(pool, redis, goal), timeout=30)  # type: ignore[misc] # mypy does not see a lambda's defaults
                await harm(scene, redis)
            await poll_until(lambda: is_whole(pool, redis), timeout=40, what=harm.__name__)


async def has_caught_up_to(pool: Pool, redis: Redis, events: int) -> bool:
    """Tell whether so many events were written, and some are on every stream."""
    lengths = [await redis.xlen(stream_name(shard)) for shard in range(TEST_SHARDS)]
    return await events_written(pool) >= events and all(lengths)
