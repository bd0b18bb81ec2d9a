"""The oracle: what must be true of log and streams whenever the line is at rest, whatever happened to it before."""

from collections import Counter, defaultdict
from itertools import count, zip_longest
from typing import NamedTuple, cast

import asyncpg
from redis.asyncio import Redis

from contracts.streams import stream_name

__all__ = ["find_differences", "has_caught_up", "read_entries"]

_LOG = """
SELECT shard, position, epoch || '-' || position AS id, event_id::text AS event_id, aggregate_id, generation, envelope
FROM log.events ORDER BY shard, position
"""
_PAGE = 2000


class _Entry(NamedTuple):
    entry_id: str
    event_id: str
    envelope: bytes


async def find_differences(pool: "asyncpg.Pool[asyncpg.Record]", redis: "Redis", *, most: int = 20) -> list[str]:
    """Return in words the first differences between the log, what it promises, and the streams; empty when all is well.

    Per shard: positions dense, the stream equal to the log in ids, event ids and bytes. Per aggregate: generations
    1..n in the order of the log. No event id twice, in the log or on the streams.
    """
    rows = await pool.fetch(_LOG)
    shards = [row["shard"] for row in await pool.fetch("SELECT shard FROM log.floors ORDER BY shard")]
    logs: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        logs[row["shard"]].append(row)
    streams = {shard: await _read_stream(redis, shard) for shard in shards}
    differences = [
        *(difference for shard in shards for difference in _compare(shard, logs[shard], streams[shard])),
        *_find_wrong_generations(rows),
        *_find_repeated("log", [row["event_id"] for row in rows]),
        *_find_repeated("streams", [entry.event_id for stream in streams.values() for entry in stream]),
    ]
    return differences[:most]


async def has_caught_up(pool: "asyncpg.Pool[asyncpg.Record]", redis: "Redis") -> bool:
    """Tell whether the last entry of every stream is at the head of its shard of the log."""
    heads = await pool.fetch(
        "SELECT f.shard, h.epoch || '-' || h.position AS id, h.position FROM log.floors f, log.head_of(f.shard) h"
    )
    for head in heads:
        last = await redis.xrevrange(stream_name(head["shard"]), count=1)
        if (last[0][0] if last else b"") != (head["id"].encode() if head["position"] else b""):
            return False
    return True


async def read_entries(
    redis: "Redis", shard: int, *, start: str = "-", count: int | None = None
) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return (id, fields) of the shard's stream, as the server sends them."""
    page = await redis.xrange(stream_name(shard), min=start, count=count)
    return cast("list[tuple[bytes, dict[bytes, bytes]]]", page)


async def _read_stream(redis: "Redis", shard: int) -> list[_Entry]:
    entries: list[_Entry] = []
    start = "-"
    while page := await read_entries(redis, shard, start=start, count=_PAGE):
        entries += [_Entry(i.decode(), f.get(b"event_id", b"").decode(), f.get(b"__data__", b"")) for i, f in page]
        start = f"({entries[-1].entry_id}"
    return entries


def _compare(shard: int, log: list[asyncpg.Record], stream: list[_Entry]) -> list[str]:
    holes = [f"shard {shard}: position {n} missing in the log" for n, row in zip(count(1), log) if row["position"] != n]
    expected = [_Entry(row["id"], row["event_id"], row["envelope"]) for row in log]
    different = [
        f"shard {shard} entry {number}: log {_show(left)}, stream {_show(right)}"
        for number, (left, right) in enumerate(zip_longest(expected, stream))
        if left != right
    ]
    return holes[:3] + different[:3]


def _show(entry: _Entry | None) -> str:
    return f"{entry.entry_id} {entry.event_id} ({len(entry.envelope)} bytes)" if entry else "nothing"


def _find_wrong_generations(rows: list[asyncpg.Record]) -> list[str]:
    generations: dict[object, list[int]] = defaultdict(list)
    for row in rows:
        generations[row["aggregate_id"]].append(row["generation"])
    return [
        f"aggregate {aggregate} has generations {found[:20]}"
        for aggregate, found in generations.items()
        if found != list(range(1, len(found) + 1))
    ]


def _find_repeated(where: str, event_ids: list[str]) -> list[str]:
    return [
        f"event {event} is {times} times in the {where}" for event, times in Counter(event_ids).items() if times > 1
    ]
