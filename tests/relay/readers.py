"""A reader of the streams in the manner of an integration: a consumer group that takes, does and acknowledges."""

from redis.asyncio import Redis

from contracts.streams import stream_name

__all__ = ["acknowledge", "delivered_ids", "take"]


async def take(redis: Redis, reader: str, shard: int, count: int, *, member: str = "one") -> list[bytes]:
    """Have the next entries of a shard given to the group's member; they are pending then."""
    answer = await redis.xreadgroup(reader, member, {stream_name(shard): ">"}, count=count)
    return delivered_ids(answer)


async def acknowledge(redis: Redis, reader: str, shard: int, ids: list[bytes]) -> None:
    if ids:
        await redis.xack(stream_name(shard), reader, *ids)


def delivered_ids(answer: object) -> list[bytes]:
    """Return the ids of an answer for one stream, in RESP2's form and in RESP3's."""
    if not answer:
        return []
    entries = next(iter(answer.values()))[0] if isinstance(answer, dict) else answer[0][1]  # type: ignore[index] # redis-py types neither
    return [entry_id for entry_id, _ in entries]
