"""From an event's entry on its stream to the notice that the task list has it, at a steady pace."""

import asyncio
from collections.abc import Mapping
from random import Random
from time import perf_counter, process_time
from typing import Final

from redis.asyncio.client import PubSub

from benchmarks.empty_log import empty_log
from benchmarks.projector_runs import empty_read_models, has_arrived, wait_until_reading, working
from benchmarks.report import Result
from benchmarks.task_events import EVENTS_A_TASK, Line, append_lines, make_task
from contracts.streams import APPLIED_CHANNEL, shard_of, stream_name
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from projectors.projections import PROJECTIONS

__all__ = ["measure_latency"]

_SHARDS: Final = 16

type Place = tuple[int, int]
"""A shard and a position."""


async def _publish(pool: Pool, redis: RedisClient, line: Line, added: dict[Place, float]) -> None:
    """Append an event and put it onto its stream; note when it is there."""
    shard = shard_of(line.root, _SHARDS)
    position = await append_lines(pool, shard, [line])
    added[shard, position] = perf_counter()
    await redis.xadd(
        stream_name(shard), {"event_id": str(line.event_id), "__data__": line.envelope}, id=f"1-{position}"
    )


async def measure_latency(pool: Pool, redis: RedisClient, redis_url: str, a_second: int, number: int) -> Result:
    """Append events one by one at a steady pace; measure from the stream's entry to the notice of the task list."""
    await empty_log(pool)
    await redis.flushdb()
    await empty_read_models(pool, PROJECTIONS)
    randomness, added, applied = Random(3), dict[Place, float](), dict[Place, float]()
    lines = [line for _ in range(number // EVENTS_A_TASK) for line in make_task(randomness)]
    async with working(pool, redis_url, PROJECTIONS) as session, redis.pubsub() as notices:
        await notices.subscribe(APPLIED_CHANNEL)
        listener = asyncio.create_task(_listen(notices, applied))
        await wait_until_reading(session)
        began = process_time()
        for line in lines:
            next_at = perf_counter() + 1 / a_second
            await _publish(pool, redis, line, added)
            await asyncio.sleep(max(0.0, next_at - perf_counter()))
        while not await has_arrived(pool, PROJECTIONS):
            await asyncio.sleep(0.02)
        listener.cancel()
    took = sorted((_time_of(applied, place) - at) * 1000 for place, at in added.items())
    p50, p95, p99 = (took[int(len(took) * part)] for part in (0.5, 0.95, 0.99))
    busy = (process_time() - began) / len(lines) * 1e6
    note = (
        f"p95 {p95:.1f}, p99 {p99:.1f}; {busy:.0f} us of CPU an event for all in this process, writer and listener too"
    )
    return Result(f"projectors, stream to applied, {a_second} a second, p50", p50, "ms", note=note)


async def _listen(notices: PubSub, applied: dict[Place, float]) -> None:
    """Note when each position of the task list was said to be applied."""
    async for message in notices.listen():
        if message["type"] == "message" and message["data"].startswith(b"tasks "):
            _, shard, _, position = message["data"].split()
            applied[int(shard), int(position)] = perf_counter()


def _time_of(applied: Mapping[Place, float], place: Place) -> float:
    """Return when a position was first said to be passed."""
    return min(at for (shard, position), at in applied.items() if shard == place[0] and position >= place[1])
