"""The oracle: the product's own verification, in the form that tests ask it.

What it can find is tested in tests/verification, with damage done by hand.
"""

from typing import cast

import asyncpg
from redis.asyncio import Redis

from bureau.verification import Scope, verify
from contracts.streams import stream_name

__all__ = ["find_differences", "has_caught_up", "read_entries"]


async def find_differences(
    pool: "asyncpg.Pool[asyncpg.Record]", redis: "Redis", *, has_write_side: bool = False
) -> list[str]:
    """Return in words the first differences within the log and between it and the streams; empty when all is well.

    `has_write_side`: the events came from commands, so that aggregates and receipts have to agree with them.
    """
    scope = Scope(
        is_deep=True, projections=(), has_write_side=has_write_side, has_receipts=has_write_side, patience_seconds=0
    )
    return [str(difference) for difference in (await verify(pool, redis, scope)).differences]


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
