"""A stream that was trimmed and then lost comes back from where it was trimmed, not from the beginning of time."""

import random

from redis.asyncio import Redis

from infrastructure.postgres import Pool
from tests.oracle import read_entries
from tests.relay.conftest import RelayStarter
from tests.relay.events import append_many
from tests.relay.test_follow_log import caught_up
from tests.servers import TEST_SHARDS


async def test_streams_that_were_lost_are_refilled_from_where_they_were_trimmed(
    pool: Pool, redis: Redis, relay: RelayStarter, randomness: random.Random
) -> None:
    await append_many(pool, 3000, randomness)
    async with relay():
        await caught_up(pool, redis)
        await pool.execute(
            "UPDATE log.stream_floors f SET position = e.position, event_id = e.event_id FROM log.events e"
            " WHERE e.shard = f.shard AND e.position = 40"
        )
        await redis.flushdb()
        await caught_up(pool, redis)
        await append_many(pool, 300, randomness)
        await caught_up(pool, redis)
    floors = {row["shard"]: row["position"] for row in await pool.fetch("SELECT * FROM log.stream_floors")}
    assert sum(position == 40 for position in floors.values()) > TEST_SHARDS // 2
    logged = await pool.fetch("SELECT shard, array_agg(position ORDER BY position) FROM log.events GROUP BY shard")
    for shard, positions in logged:
        carried = [f"1-{position}".encode() for position in positions if position > floors[shard]]
        assert [entry_id for entry_id, _ in await read_entries(redis, shard)] == carried
