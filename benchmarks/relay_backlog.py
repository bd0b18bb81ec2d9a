"""A relay process that comes back to a very long backlog: its rate, how steady it is, and that its memory stays flat.

The backlog is made in the database itself. The floor is the bare Lua append of as many entries of the same size, in
batches of the same size, from entries that are ready in memory. Run alone:
`python -m benchmarks.relay_backlog [--events 10000000] [--bytes 700] [--trim]`; `--trim` keeps the streams short, as
readers that follow would allow, so that Redis needs no memory for ten million entries.
"""

import argparse
import asyncio
import itertools
import os
import random
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple

from benchmarks.empty_log import empty_log
from benchmarks.processes import Addresses, Running, open_servers, run_role
from benchmarks.report import Result, print_results
from contracts.streams import stream_name
from infrastructure.line_positions import read_stream_heads
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, open_redis
from outbox_relay.main import EVENTS_A_SHARD

__all__ = ["BARE_APPEND", "Backlog", "main", "measure_backlog"]

_SHARDS: Final = 16
_MEBIBYTE: Final = 1 << 20
_WARM: Final = 0.02
"""The share of the backlog after which the clock starts: until then the process starts."""
_KEPT: Final = 2000
_SAMPLE_SECONDS: Final = 0.05

BARE_APPEND: Final = """
for index = 1, #ARGV, 3 do
  redis.call('XADD', KEYS[1], ARGV[index], 'event_id', ARGV[index + 1], '__data__', ARGV[index + 2])
end
"""
"""Appends entries and compares nothing: KEYS[1] the stream, then id, event id and envelope of each."""

_FILL: Final = """
INSERT INTO log.events
  (shard, position, epoch, event_id, event_type, workspace_id, aggregate_kind, aggregate_id, generation, root_id,
   envelope)
SELECT $1::smallint, n, 1, gen_random_uuid(), 'bench', 'bench', 'task', r.root, n, r.root, $4::bytea
FROM (SELECT gen_random_uuid() AS root) r, generate_series($2::bigint, $3::bigint) n
"""


class _Sample(NamedTuple):
    """At a moment, in seconds: events on the streams, memory that the relay holds in bytes, its processor seconds."""

    seconds: float
    carried: int
    memory: int
    processor: float


class Backlog(NamedTuple):
    """How many events of so many bytes; `is_trimmed`: the streams are kept short meanwhile."""

    events: int
    size: int
    is_trimmed: bool = False


async def measure_backlog(servers: Addresses, backlog: Backlog) -> list[Result]:
    """Empty both servers, make the backlog, and let one relay process carry it."""
    pool = await open_pool(servers.database_url, size=2, application_name="bench")
    redis = open_redis(servers.redis_url, socket_timeout=60)
    try:
        await redis.flushdb()
        floor = await _append_bare(redis, backlog)
        await redis.flushdb()
        await _fill(pool, backlog)
        samples = await _drain(pool, redis, servers, backlog)
    finally:
        await pool.close()
        await redis.aclose()
    return _judge(samples, backlog, floor)


async def _fill(pool: Pool, backlog: Backlog) -> None:
    await empty_log(pool)
    envelope, each = _envelope(backlog), backlog.events // _SHARDS
    for shard in range(_SHARDS):
        for start in range(1, each + 1, 50_000):
            await pool.execute(_FILL, shard, start, min(start + 49_999, each), envelope)
    await pool.execute("VACUUM ANALYZE log.events")


def _envelope(backlog: Backlog) -> bytes:
    return random.Random(backlog.size).randbytes(backlog.size)


async def _append_bare(redis: RedisClient, backlog: Backlog) -> float:
    """Return events a second; making the entries is not counted."""
    script, envelope, seconds = (
        await redis.script_load(BARE_APPEND),
        random.Random(backlog.size).randbytes(backlog.size),
        0.0,
    )
    for start in range(1, min(backlog.events, 1_000_000) // _SHARDS, EVENTS_A_SHARD):
        numbers = range(start, start + EVENTS_A_SHARD)
        fields = [field for number in numbers for field in (f"1-{number}", f"{number:036}", envelope)]
        pipeline = redis.pipeline(transaction=False)
        for shard in range(_SHARDS):
            pipeline.evalsha(script, 1, stream_name(shard), *fields)
        started = perf_counter()
        await pipeline.execute()
        seconds += perf_counter() - started
        await _trim(redis, backlog)
    return (start + EVENTS_A_SHARD - 1) * _SHARDS / seconds


async def _drain(pool: Pool, redis: RedisClient, servers: Addresses, backlog: Backlog) -> Sequence[_Sample]:
    goal, samples = backlog.events // _SHARDS * _SHARDS, list[_Sample]()
    async with run_role("relay", servers) as relay:
        while not samples or samples[-1].carried < goal:
            heads = await read_stream_heads(redis, range(_SHARDS))
            carried = sum(head.position for head in heads.values())
            samples.append(_Sample(perf_counter(), carried, _resident_bytes(relay), relay.cpu_seconds()))
            await _trim(redis, backlog, pool)
            await asyncio.sleep(_SAMPLE_SECONDS)
    return samples


async def _trim(redis: RedisClient, backlog: Backlog, pool: Pool | None = None) -> None:
    """Keep the streams short where that was asked for; where they hold the log, the floors are recorded first."""
    if not backlog.is_trimmed:
        return
    heads = await read_stream_heads(redis, range(_SHARDS))
    floors = {shard: head.position - _KEPT for shard, head in heads.items() if head.position > _KEPT}
    if pool is not None:
        await pool.execute(
            "UPDATE log.stream_floors f SET position = e.position, event_id = e.event_id FROM log.events e,"
            " unnest($1::smallint[], $2::bigint[]) AS n(shard, position)"
            " WHERE f.shard = n.shard AND e.shard = n.shard AND e.position = n.position",
            list(floors),
            list(floors.values()),
        )
    pipeline = redis.pipeline(transaction=False)
    for shard, floor in floors.items():
        pipeline.xtrim(stream_name(shard), minid=f"1-{floor + 1}", approximate=True)
    await pipeline.execute()


def _resident_bytes(process: Running) -> int:
    """Return what the process holds of physical memory (Linux; 0 elsewhere)."""
    statistics = Path(f"/proc/{process.process_id}/statm")
    if not statistics.exists():
        return 0
    return int(statistics.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _judge(samples: Sequence[_Sample], backlog: Backlog, floor: float) -> list[Result]:
    goal = samples[-1].carried
    marks = [next(s for s in samples if s.carried >= goal * share) for share in (_WARM, 0.25, 0.5, 0.75, 1.0)]
    rates = [(b.carried - a.carried) / (b.seconds - a.seconds) for a, b in itertools.pairwise(marks)]
    rate = (goal - marks[0].carried) / (samples[-1].seconds - marks[0].seconds)
    memory = [mark.memory / _MEBIBYTE for mark in marks]
    title = f"relay, {goal:,} events of {backlog.size} bytes behind"
    effort = (samples[-1].processor - marks[0].processor) / (goal - marks[0].carried) * 1e6
    quarters = f"by quarters {', '.join(f'{each:,.0f}' for each in rates)}; relay's processor {effort:.1f} µs an event"
    words = f"MiB at {_WARM:.0%}, 25 %, 50 %, 75 %, 100 %: {', '.join(f'{each:.0f}' for each in memory)}"
    return [
        Result(title, rate, "events/s", floor, rate / floor, quarters),
        Result("its memory, most of all samples", max(s.memory for s in samples) / _MEBIBYTE, "MiB", note=words),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with servers of our own and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay_backlog", description="A very long backlog.")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=700)
    parser.add_argument("--trim", action="store_true", help="keep the streams short meanwhile")
    told: Any = parser.parse_args(arguments)
    with open_servers() as servers:
        backlog = Backlog(told.events, told.bytes, told.trim)
        print_results("Relay, far behind", asyncio.run(measure_backlog(servers, backlog)))


if __name__ == "__main__":
    main()
