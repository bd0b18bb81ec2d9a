"""A log and its streams for tests that make them differ: written, carried, forgotten and bumped by hand."""

import random
from dataclasses import dataclass

from redis.asyncio import Redis

from infrastructure.epoch_bump import Bump, begin_epoch, plan_bump
from infrastructure.forks import Fork, find_forks
from infrastructure.log_batches import read_batches
from infrastructure.postgres import Pool
from infrastructure.stream_writer import AppendOutcome, append_batches, locate_streams
from tests.oracle import read_entries
from tests.relay.events import append_event
from tests.roots import root_in
from tests.servers import TEST_SHARDS
from tests.unguarded import unguard

__all__ = ["OTHER", "SHARD", "SHARDS", "Line"]

SHARD, OTHER = 3, 4
SHARDS = range(TEST_SHARDS)


@dataclass(frozen=True, slots=True)
class Line:
    """A log and its streams, with twenty events in one shard and five in another."""

    pool: Pool
    redis: Redis
    randomness: random.Random

    async def append(self, number: int, shard: int = SHARD) -> None:
        root = root_in(shard, self.randomness)
        for generation in range(1, number + 1):
            await append_event(self.pool, root, generation, self.randomness)

    async def carry(self) -> None:
        """Bring the log onto the streams as the relay does, from where they end."""
        ends = {number: answer.last for number, answer in enumerate(await locate_streams(self.redis, SHARDS))}
        batches = await read_batches(self.pool, ends, limit=500, max_bytes=1_000_000)
        answers = await append_batches(self.redis, [batch for batch in batches if batch.predecessor_id])
        assert {answer.outcome for answer in answers} == {AppendOutcome.APPENDED}

    async def lose(self, position: int) -> None:
        """Have the log forget what it holds behind a position, as a restore does."""
        await unguard(self.pool)
        await self.pool.execute("DELETE FROM log.events WHERE shard = $1 AND position > $2", SHARD, position)

    async def fork(self, shard: int = SHARD) -> Fork:
        return (await find_forks(self.pool, self.redis))[shard]

    async def bump(self) -> Bump:
        shown = plan_bump(await find_forks(self.pool, self.redis))
        return await begin_epoch(self.pool, self.redis, shown, "a test")

    async def ids(self) -> list[str]:
        return [entry_id.decode() for entry_id, _ in await read_entries(self.redis, SHARD)]
