"""Forgetting every cached answer that Redis holds, and every applied position: PostgreSQL has them all."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

from contracts.streams import EntryId
from infrastructure.cache_notices import announce_applied, applied_key, cache_key
from infrastructure.identifiers import new_id
from infrastructure.redis_client import RedisClient

__all__ = ["forget_answers", "forget_everything"]

_BATCH: Final = 500
_PATTERNS: Final = (cache_key("*"), applied_key("*", 0).removesuffix("0") + "*")


async def forget_answers(client: RedisClient, reached: Mapping[tuple[str, int], EntryId]) -> None:
    """Forget every cached answer, then publish positions by (projection, shard). Raises Redis errors; may be repeated.

    Until then the positions stand in epoch 0: so high that nothing older is filled beside, in an epoch that serves no
    token. Stamps of other projections are replaced, never taken away: a fill that is under way is told by them.
    """
    barrier = {place: EntryId(0, entry.position) for place, entry in reached.items()}
    await announce_applied(client, {}, barrier, is_forced=True)
    stamp = f"everything/{new_id()}"
    async for keys in _pages(client, cache_key("*")):
        tags = [key.decode().removeprefix(cache_key("")) for key in keys]
        await announce_applied(client, dict.fromkeys(tags, stamp), {})
    await announce_applied(client, {}, reached)


async def forget_everything(client: RedisClient) -> int:
    """Delete all of them and return how many keys these were. Raises Redis errors; repeating it is right."""
    forgotten = 0
    for pattern in _PATTERNS:
        async for keys in _pages(client, pattern):
            forgotten += await client.unlink(*keys)
    return forgotten


async def _pages(client: RedisClient, pattern: str) -> AsyncIterator[list[bytes]]:
    """Yield the keys that fit a pattern, in pages; those that come meanwhile may be missing."""
    keys: list[bytes] = []
    async for key in client.scan_iter(match=pattern, count=_BATCH):
        keys.append(key)
        if len(keys) == _BATCH:
            yield keys
            keys = []
    if keys:
        yield keys
