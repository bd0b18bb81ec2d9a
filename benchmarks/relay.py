"""How fast the relay drains a backlog, beside the bare Lua append of the same bytes in the same run.

The floor appends entries that are ready in memory, over the same shards in batches of the same size, with a script
that compares nothing. Run alone: `python -m benchmarks.relay`.
"""

import asyncio
import random
import resource
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import batched
from pathlib import Path
from time import perf_counter
from typing import Any, Final, cast
from uuid import UUID

from benchmarks.empty_log import empty_log
from benchmarks.relay_backlog import BARE_APPEND
from benchmarks.report import Result, print_results
from bureau.embedded import PostgresConfig, ValkeyConfig, start_postgres, start_valkey, stop_postgres, stop_valkey
from contracts.streams import stream_name
from infrastructure.event_log import read_heads
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, open_redis
from infrastructure.wake import Wake, listen_for_wakes, open_waker
from migrations.runner import migrate_database
from outbox_relay.board import Board
from outbox_relay.main import EVENTS_A_SHARD, Wiring, create_dependencies
from outbox_relay.services.follow_log import follow_log

__all__ = ["main", "run"]

_SHARDS: Final = 16
_FILL: Final = "SELECT log.append_events($1, $2, $3, 'bench', $4, $5, $6, $5, $7)"

type Entry = tuple[str, str, bytes]


async def run(
    database_url: str,
    redis_url: str,
    *,
    loads: Sequence[tuple[int, int]] = ((200_000, 700),),
    paces: Sequence[tuple[int, int]] = ((4, 40), (300, 1500)),
) -> list[Result]:
    """Measure a drain for each load of (events, bytes), then the delay at each pace of (events a second, events).

    Empties both servers.
    """
    pool = await open_pool(database_url, size=4, application_name="bench")
    redis = open_redis(redis_url)
    try:
        drains = [await _measure_drain(pool, redis, events, size) for events, size in loads]
        return [*drains, *[await _measure_latency(pool, redis, a_second, number) for a_second, number in paces]]
    finally:
        await pool.close()
        await redis.aclose()


async def _measure_drain(pool: Pool, redis: RedisClient, events: int, size: int) -> Result:
    log = await _fill(pool, events, size)
    floor = max([await _append_bare(redis, log) for _ in range(3)])
    drained = []
    for _ in range(3):
        await redis.flushdb()
        drained.append(events / await _drain(pool, redis, log))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    note = f"{events:,} events, best of {', '.join(f'{rate:,.0f}' for rate in drained)}; process at most {memory} MiB"
    return Result(f"relay drain, {size} bytes", max(drained), "events/s", floor, max(drained) / floor, note)


async def _fill(pool: Pool, events: int, size: int) -> dict[int, list[Entry]]:
    """Empty the log, write a backlog over all shards, and return it as the streams must hold it."""
    await empty_log(pool)
    randomness = random.Random(size)
    log: dict[int, list[Entry]] = {}
    for shard in range(_SHARDS):
        ids = [UUID(int=randomness.getrandbits(128)) for _ in range(events // _SHARDS)]
        envelopes = [randomness.randbytes(size) for _ in ids]
        for numbers in batched(range(len(ids)), 2000):
            part = slice(numbers[0], numbers[-1] + 1)
            many = len(numbers)
            roots, generations = ids[part], [1] * many
            await pool.execute(
                _FILL, shard, ids[part], ["e"] * many, ["task"] * many, roots, generations, envelopes[part]
            )
        log[shard] = [
            (f"1-{number}", str(event_id), envelope)
            for number, (event_id, envelope) in enumerate(zip(ids, envelopes, strict=True), 1)
        ]
    await pool.execute("VACUUM ANALYZE log.events")
    return log


async def _append_bare(redis: RedisClient, log: dict[int, list[Entry]]) -> float:
    """Append everything with a script that only appends; return events a second."""
    await redis.flushdb()
    script = await redis.script_load(BARE_APPEND)
    started = perf_counter()
    for batches in zip(*(batched(entries, EVENTS_A_SHARD) for entries in log.values()), strict=True):
        pipeline = redis.pipeline(transaction=False)
        for shard, batch in enumerate(batches):
            pipeline.evalsha(script, 1, stream_name(shard), *(field for entry in batch for field in entry))
        await pipeline.execute()
    return sum(map(len, log.values())) / (perf_counter() - started)


async def _drain(pool: Pool, redis: RedisClient, log: dict[int, list[Entry]]) -> float:
    """Run the relay until every stream holds the head of its shard; return seconds. Then check that it is all there."""
    stop, board, heads = asyncio.Event(), Board(), await read_heads(pool)
    dependencies = create_dependencies(Wiring(pool, redis, board, asyncio.Event()))
    started = perf_counter()
    relay = asyncio.create_task(follow_log(dependencies, stop))
    while {shard: state.position for shard, state in board.newest[0].shards.items()} != {
        shard: head.position for shard, head in heads.items()
    }:
        await asyncio.sleep(0.002)
    seconds = perf_counter() - started
    stop.set()
    await relay
    for shard, entries in log.items():
        assert await redis.xlen(stream_name(shard)) == len(entries)
    return seconds


async def _measure_latency(pool: Pool, redis: RedisClient, a_second: int, number: int) -> Result:
    """Append events one by one at a steady pace; measure from commit to a blocking reader of the stream."""
    await empty_log(pool)
    await redis.flushdb()
    stop, woken, committed, seen = asyncio.Event(), asyncio.Event(), dict[str, float](), dict[str, float]()
    relay = asyncio.create_task(follow_log(create_dependencies(Wiring(pool, redis, Board(), woken)), stop))
    listener = asyncio.create_task(listen_for_wakes(redis, woken.set))
    reader = asyncio.create_task(_watch(redis, seen))
    await asyncio.sleep(1)
    async with open_waker(redis) as wake, asyncio.TaskGroup() as appends:
        for index in range(number):
            appends.create_task(_append_one(pool, wake, UUID(int=index + 1), committed))
            await asyncio.sleep(1 / a_second)
    while len(seen) < number:
        await asyncio.sleep(0.01)
    stop.set()
    woken.set()
    for task in (listener, reader):
        task.cancel()
    await asyncio.gather(relay, listener, reader, return_exceptions=True)
    took = sorted((seen[event] - committed[event]) * 1000 for event in committed)
    p50, p95, p99 = (took[int(len(took) * part)] for part in (0.5, 0.95, 0.99))
    return Result(
        f"commit to stream, {a_second} a second, p50",
        p50,
        "ms",
        note=f"p95 {p95:.1f}, p99 {p99:.1f}; all in one process",
    )


async def _append_one(pool: Pool, wake: Wake, event_id: UUID, committed: dict[str, float]) -> None:
    shard = event_id.int % _SHARDS
    await pool.execute(_FILL, shard, [event_id], ["e"], ["task"], [event_id], [1], [b"x" * 700])
    committed[str(event_id)] = perf_counter()
    wake([shard])


async def _watch(redis: RedisClient, seen: dict[str, float]) -> None:
    """Note when each event is read, until cancelled."""
    after: dict[Any, Any] = dict.fromkeys(map(stream_name, range(_SHARDS)), "0")
    while True:
        answer = cast(
            "list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", await redis.xread(after, block=1000)
        )
        for stream, entries in answer:
            for entry_id, fields in entries:
                seen[fields[b"event_id"].decode()] = perf_counter()
                after[stream.decode()] = entry_id.decode()


@contextmanager
def _servers() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="bureau-bench-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        postgres = start_postgres(PostgresConfig(Path(directory) / "postgres"))
        valkey = start_valkey(ValkeyConfig(Path(directory) / "valkey", is_durable=False))
        try:
            yield postgres.database_url(), valkey.redis_url()
        finally:
            stop_postgres(postgres)
            stop_valkey(valkey)


def main() -> None:
    """Measure with servers of our own and print the table."""
    with _servers() as (database_url, redis_url):
        migrate_database(database_url, shards=_SHARDS)
        loads = ((200_000, 300), (200_000, 700), (50_000, 4000))
        print_results("Relay", asyncio.run(run(database_url, redis_url, loads=loads)))


if __name__ == "__main__":
    main()
