"""A line of whose log the first partition is small, so that it may go to the archive."""

from random import Random

import pytest
from redis.asyncio import Redis

from infrastructure import retention
from infrastructure.postgres import Pool
from infrastructure.stream_trimming import read_floors, read_streams, trim_streams
from tests.servers import TEST_SHARDS
from tests.verification.line import Line, make_line

__all__ = ["archive", "make_small_line"]

_SIZE = 5
"""Positions of a shard in the first partition, instead of a million."""
_SMALL = (
    "DROP TABLE log.events_000000, log.events_000001, log.events_000002",
    "CREATE TABLE log.events_000000 PARTITION OF log.events FOR VALUES FROM (0) TO (5)",
    "CREATE TABLE log.events_000001 PARTITION OF log.events FOR VALUES FROM (5) TO (1000000)",
)
# What comes after the first partition has to stay.
_SLOW = """
INSERT INTO read.checkpoints (projection, version, shard, epoch, position)
SELECT 'slow', 1, shard, 1, 5 FROM log.floors
"""


async def make_small_line(pool: Pool, redis: Redis, randomness: Random, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Make a line that agrees; the longest partition of its log has to stay."""
    monkeypatch.setattr(retention, "_PARTITION_POSITIONS", _SIZE)
    for statement in _SMALL:
        await pool.execute(statement)
    made = await make_line(pool, redis, randomness, tasks=120)
    shortest = await pool.fetchval("SELECT min(h.position) FROM log.floors f, LATERAL log.head_of(f.shard) h")
    assert shortest > 2 * _SIZE, "every shard has to reach into the second partition"
    await pool.execute(_SLOW)
    return made


async def archive(pool: Pool, redis: Redis) -> retention.Archived:
    """Cut the log and the streams behind the first partition, as the relay does."""
    streams = await read_streams(redis, range(TEST_SHARDS))
    done = await retention.archive_log(pool, streams, days=0)
    await trim_streams(redis, await read_floors(pool), streams)
    return done
