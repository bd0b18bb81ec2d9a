"""What `bureau status` says of the relays: who carries which shard, how it does, what waits; and of Redis' memory."""

import json
from collections.abc import Mapping, Sequence

from bureau.local.section import Section
from infrastructure.event_log import count_shards
from infrastructure.line_positions import read_backlogs, read_stream_heads
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.redis_memory import RedisMemory, find_memory_dangers, read_redis_memory
from infrastructure.shard_leases import LeaseHolder, read_lease_holders
from outbox_relay.records import RELAY_ROLE

__all__ = ["read_memory_section", "read_relay_section"]

_MEBIBYTE = 1 << 20
_HELP = (
    "`bureau epoch show` tells whether the database went back in time, `bureau streams refill` makes its stream anew"
)


async def read_relay_section(pool: Pool, redis: RedisClient) -> Section:
    """Return a row for each shard: who carries it, its state, events that wait and for how many seconds."""
    holders = await read_lease_holders(pool, [RELAY_ROLE])
    heads = await read_stream_heads(redis, range(await count_shards(pool)))
    backlogs = await read_backlogs(pool, heads)
    relays = {shard: holder for holder in holders for shard in holder.shards}
    states = {shard: state for holder in holders for shard, state in _states(holder).items()}
    rows = tuple(
        {
            "shard": shard,
            "relay": relays[shard].name if shard in relays else None,
            "state": states.get(shard, "following") if shard in relays else "nobody's",
            "backlog": backlog.events,
            "oldest_seconds": backlog.oldest_seconds,
        }
        for shard, backlog in sorted(backlogs.items())
    )
    return Section(
        name="relays",
        title=f"Relays: {len(holders)}",
        rows=rows,
        problems=(*_find_orphans(backlogs, relays), *(f"shard {shard} {state}" for shard, state in states.items())),
        notes=(
            *(f"{holder.name} stands by" for holder in holders if not holder.shards),
            *(f"shard {shard}: {_HELP}" for shard, state in states.items() if state.startswith("stopped")),
        ),
    )


async def read_memory_section(_pool: Pool, redis: RedisClient) -> Section:
    """Return one row: how much memory Redis uses, its limit (0: none), and what it does at the limit."""
    memory = await read_redis_memory(redis)
    row: dict[str, str | int | float | None] = {
        "used_mebibytes": round(memory.used / _MEBIBYTE, 1),
        "limit_mebibytes": round(memory.limit / _MEBIBYTE, 1),
        "policy": memory.policy,
    }
    is_full, dangers = _is_full(memory), tuple(find_memory_dangers(memory).values())
    return Section(
        name="redis_memory",
        title="Redis: memory",
        rows=(row,),
        problems=dangers if is_full else (),
        notes=() if is_full else dangers,
    )


def _is_full(memory: RedisMemory) -> bool:
    return 0 < memory.limit <= memory.used


def _states(holder: LeaseHolder) -> Mapping[int, str]:
    """Return what a relay reports of the shards that it does not simply follow, in words."""
    report: Mapping[str, str] = json.loads(holder.report or "{}")
    return {int(shard): words for shard, words in report.items() if int(shard) in holder.shards}


def _find_orphans(shards: Mapping[int, object], relays: Mapping[int, LeaseHolder]) -> Sequence[str]:
    orphans = sorted(shards.keys() - relays.keys())
    if not orphans:
        return ()
    return (
        f"no relay carries {'any shard' if not relays else f'the shards {orphans}'}: start one, or look at its log",
    )
