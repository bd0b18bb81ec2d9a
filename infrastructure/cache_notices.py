"""Telling everybody what was applied: cached answers are forgotten and positions published, in one call to Redis.

A tag's cached answers are a hash `bureau:cache:{tag}`. Forgetting deletes it and leaves, for a minute, the field `~`
with a stamp: a reader that took the stamp before it read the database may fill only while the stamp is the same.
Redis is not the truth here: where it misses a notice, `bureau:applied:…` lags behind the checkpoint and tells so.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from redis.exceptions import NoScriptError

from contracts.streams import APPLIED_CHANNEL, EntryId
from infrastructure.redis_client import RedisClient

__all__ = ["STAMP_FIELD", "announce_applied", "applied_key", "cache_key", "read_applied"]

STAMP_FIELD: Final = "~"
"""The field of a tag's hash that says which batch made its answers out of date."""

_STAMP_SECONDS: Final = 60

# KEYS: caches, then positions. ARGV: number of caches, seconds, field, channel, forced, the caches' stamps, then for
# each position its epoch, position and the beginning of its message.
_ANNOUNCE: Final = """
local caches = tonumber(ARGV[1])
for i = 1, caches do
  redis.call('DEL', KEYS[i])
  redis.call('HSET', KEYS[i], ARGV[3], ARGV[5 + i])
  redis.call('EXPIRE', KEYS[i], ARGV[2])
end
local at = 5 + caches
for i = caches + 1, #KEYS do
  local epoch, position = ARGV[at + 1], ARGV[at + 2]
  local known = redis.call('GET', KEYS[i])
  local known_epoch, known_position = string.match(known or '', '^(%d+)%.(%d+)$')
  local ahead = tonumber(epoch) - (tonumber(known_epoch) or -1)
  if ahead == 0 then ahead = tonumber(position) - tonumber(known_position) end
  if ahead > 0 or ARGV[5] == '1' then
    redis.call('SET', KEYS[i], epoch .. '.' .. position)
  else
    epoch, position = known_epoch, known_position
  end
  redis.call('PUBLISH', ARGV[4], ARGV[at + 3] .. ' ' .. epoch .. ' ' .. position)
  at = at + 3
end
return #KEYS
"""
_ANNOUNCE_HASH: Final = hashlib.sha1(_ANNOUNCE.encode(), usedforsecurity=False).hexdigest()


def cache_key(tag: str) -> str:
    """Return the key of a tag's cached answers, as in `bureau:cache:task_detail/<task id>`."""
    return f"bureau:cache:{tag}"


def applied_key(projection: str, shard: int) -> str:
    """Return the key under which stands how far a projection is known to have come, as `<epoch>.<position>`."""
    return f"bureau:applied:{projection}:{shard}"


async def announce_applied(
    client: RedisClient,
    stamps: Mapping[str, str],
    applied: Mapping[tuple[str, int], EntryId],
    *,
    is_forced: bool = False,
) -> None:
    """Forget the cached answers of tags (tag → stamp) and publish positions by (projection, shard), in one call.

    Where a position is not newer than the known one, and not forced, that one stays and is published again: who keeps
    answers in memory has to hear of it also where only answers changed. Raises Redis errors.
    """
    keys = [cache_key(tag) for tag in stamps] + [applied_key(*address) for address in applied]
    if not keys:
        return
    arguments: list[str | int] = [len(stamps), _STAMP_SECONDS, STAMP_FIELD, APPLIED_CHANNEL, int(is_forced)]
    arguments.extend(stamps.values())
    for (projection, shard), reached in applied.items():
        # Caches and positions are a version's own, `tasks@2`; who waits for a position does not ask for the version.
        arguments.extend((reached.epoch, reached.position, f"{projection.partition('@')[0]} {shard}"))
    try:
        await client.evalsha(_ANNOUNCE_HASH, len(keys), *keys, *arguments)
    except NoScriptError:
        await client.eval(_ANNOUNCE, len(keys), *keys, *arguments)


async def read_applied(client: RedisClient, projection: str, shards: Sequence[int]) -> dict[int, EntryId]:
    """Return the known positions of a projection; a shard of which nothing is known is missing. Raises Redis errors."""
    values = await client.mget([applied_key(projection, shard) for shard in shards]) if shards else []
    return {shard: _parse_applied(value) for shard, value in zip(shards, values, strict=True) if value is not None}


def _parse_applied(value: bytes | str) -> EntryId:
    """Return the position in `<epoch>.<position>`."""
    text = value.decode() if isinstance(value, bytes) else value
    epoch, _, position = text.partition(".")
    return EntryId(int(epoch), int(position))
