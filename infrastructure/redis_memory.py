"""How much memory Redis has left, and what it does when there is none: a limit with an evicting policy eats streams."""

from typing import Any, Final, NamedTuple

from infrastructure.redis_client import RedisClient

__all__ = ["RedisMemory", "find_memory_dangers", "read_redis_memory"]

_NEARLY: Final = 0.9
_MEBIBYTE: Final = 1 << 20


class RedisMemory(NamedTuple):
    """Bytes in use, the limit (0 where there is none), and the name of the policy at the limit."""

    used: int
    limit: int
    policy: str


async def read_redis_memory(redis: RedisClient) -> RedisMemory:
    """Return what INFO says, which unlike CONFIG is allowed on managed servers too."""
    told: dict[str, Any] = await redis.info("memory")
    return RedisMemory(int(told["used_memory"]), int(told.get("maxmemory", 0)), str(told.get("maxmemory_policy", "")))


def find_memory_dangers(memory: RedisMemory) -> dict[str, str]:
    """Return by name, in a sentence, what is or will be wrong and what to do about it; empty where nothing is."""
    dangers = {}
    if memory.policy.startswith("allkeys-"):
        dangers["evicts"] = (
            f"Redis evicts streams when its memory is full (maxmemory-policy {memory.policy}): readers lose events"
            " until the relay has put them back; set maxmemory-policy noeviction or a volatile one"
        )
    if 0 < memory.limit * _NEARLY <= memory.used:
        dangers["full"] = (
            f"Redis uses {memory.used / _MEBIBYTE:,.0f} of its {memory.limit / _MEBIBYTE:,.0f} MiB of memory; at the"
            " limit the relay waits: raise maxmemory, or trim the streams"
        )
    return dangers
