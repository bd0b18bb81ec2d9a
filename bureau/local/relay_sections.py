"""What `bureau status` says of the relays: who carries which shard, how it does, what waits; and of Redis' memory."""

import json
from collections.abc import Mapping, Sequence

from bureau.local.section import Section
from infrastructure.event_log import count_shards
from infrastructure.line_positions import Backlog, read_backlogs, read_stream_heads
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient, is_redis_error
from infrastructure.redis_memory import RedisMemory, find_memory_dangers, read_redis_memory
from infrastructure.shard_leases import LeaseHolder, read_lease_holders, unfit_role
from outbox_relay.records import RELAY_ROLE

__all__ = ["read_memory_section", "read_relay_section", "read_stream_limit"]

_MEBIBYTE = 1 << 20
_HELP = (
    "`bureau epoch show` tells whether the database went back in time, `bureau streams refill` makes its stream anew"
)


async def read_relay_section(pool: Pool, redis: RedisClient) -> Section:
    """Return a row for each shard: who carries it, its state, events that wait and for how many seconds."""
    members = await read_lease_holders(pool, [RELAY_ROLE, unfit_role(RELAY_ROLE)])
    holders = [member for member in members if member.role == RELAY_ROLE]
    backlogs = await _read_backlogs(pool, redis)
    relays = {shard: holder for holder in holders for shard in holder.shards}
    states = {shard: state for holder in holders for shard, state in _states(holder).items()}
    rows = tuple(
        {
            "shard": shard,
            "relay": relays[shard].name if shard in relays else None,
            "state": states.get(shard, "following") if shard in relays else "nobody's",
            "backlog": backlog.events if backlog else None,
            "oldest_seconds": backlog.oldest_seconds if backlog else None,
        }
        for shard, backlog in sorted(backlogs.items())
    )
    return Section(
        name="relays",
        title=f"Relays: {len(holders)}",
        rows=rows,
        problems=(
            *_find_orphans(backlogs, relays),
            *(f"relay {each.name} is unfit: {_trouble(each)}" for each in members if each.role != RELAY_ROLE),
            *(f"shard {shard} {state}" for shard, state in states.items()),
        ),
        notes=(
            *(f"{holder.name} stands by" for holder in holders if not holder.shards),
            *(f"shard {shard}: {_HELP}" for shard, state in states.items() if state.startswith("stopped")),
        ),
    )


async def read_stream_limit(pool: Pool) -> int | None:
    """Return how many entries relays leave in a stream for who lags, the lowest where they differ; None without any."""
    limits = [_report(holder).get("stream_limit", "") for holder in await read_lease_holders(pool, [RELAY_ROLE])]
    return min((int(limit) for limit in limits if limit.isdigit()), default=None)


async def _read_backlogs(pool: Pool, redis: RedisClient) -> Mapping[int, Backlog | None]:
    """Return what waits in each shard, None where Redis, which is out of reach, would have to tell."""
    shards = range(await count_shards(pool))
    try:
        heads = await read_stream_heads(redis, shards)
    except Exception as error:
        if not is_redis_error(error):
            raise
        return dict.fromkeys(shards)
    return dict(await read_backlogs(pool, heads))


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
    return {
        int(shard): words for shard, words in _report(holder).items() if shard.isdigit() and int(shard) in holder.shards
    }


def _trouble(holder: LeaseHolder) -> str:
    """Return what keeps a relay from every shard."""
    return _report(holder).get("trouble", "it does not say why")


def _report(holder: LeaseHolder) -> Mapping[str, str]:
    report: Mapping[str, str] = json.loads(holder.report or "{}")
    return report


def _find_orphans(shards: Mapping[int, object], relays: Mapping[int, LeaseHolder]) -> Sequence[str]:
    orphans = sorted(shards.keys() - relays.keys())
    if not orphans:
        return ()
    return (
        f"no relay carries {'any shard' if not relays else f'the shards {orphans}'}: start one, or look at its log",
    )
