"""What a relay tells of the line in figures: what waits to be carried, whoever carries it."""

from collections.abc import Sequence

from infrastructure.event_log import count_shards
from infrastructure.line_positions import read_backlogs, read_stream_heads
from infrastructure.postgres import Pool
from infrastructure.redis_client import RedisClient
from infrastructure.web.metrics import Gauge, Sample

__all__ = ["read_figures"]


async def read_figures(pool: Pool, redis: RedisClient) -> Sequence[Gauge]:
    """Return the gauges of all shards."""
    heads = await read_stream_heads(redis, range(await count_shards(pool)))
    backlogs = sorted((await read_backlogs(pool, heads)).items())
    waiting = [Sample({"shard": str(shard)}, each.events) for shard, each in backlogs]
    oldest = [Sample({"shard": str(shard)}, each.oldest_seconds or 0.0) for shard, each in backlogs]
    return (
        Gauge("bureau_relay_backlog_events", "Events of the log that the stream lacks.", waiting),
        Gauge("bureau_relay_oldest_event_seconds", "How long the first of them has waited.", oldest),
    )
