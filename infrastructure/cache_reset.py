"""Forgetting every cached answer and every applied position that Redis holds: PostgreSQL has them all."""

from typing import Final

from infrastructure.cache_notices import applied_key, cache_key
from infrastructure.redis_client import RedisClient

__all__ = ["forget_everything"]

_BATCH: Final = 500
_PATTERNS: Final = (cache_key("*"), applied_key("*", 0).removesuffix("0") + "*")


async def forget_everything(client: RedisClient) -> int:
    """Delete all of them and return how many keys these were. Raises Redis errors; repeating it is right."""
    forgotten = 0
    for pattern in _PATTERNS:
        keys: list[bytes] = []
        async for key in client.scan_iter(match=pattern, count=_BATCH):
            keys.append(key)
            if len(keys) == _BATCH:
                forgotten += await client.unlink(*keys)
                keys.clear()
        if keys:
            forgotten += await client.unlink(*keys)
    return forgotten
