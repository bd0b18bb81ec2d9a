"""Making a line that agrees, and the few ways to damage it that need more than one statement."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from redis.asyncio import Redis

from bureau.verification import Report, Scope, verify
from contracts.streams import stream_name
from infrastructure.postgres import Pool
from tests.oracle import read_entries
from tests.projectors.stories import carry, write_tasks
from tests.rebuild.rebuilds import project_everything
from tests.unguarded import unguard

__all__ = ["Line", "Rewrite", "complete_line", "kinds", "make_line", "rewrite_stream", "verify_line"]

_WRITE_SIDE = """
INSERT INTO write.aggregates (id, kind, workspace_id, revision, generation, state)
SELECT aggregate_id, aggregate_kind, workspace_id, 1, max(generation), '{}' FROM log.events GROUP BY 1, 2, 3
"""
_RECEIPTS = """
INSERT INTO write.receipts (workspace_id, principal, key, fingerprint, result, epoch, shards, positions)
SELECT workspace_id, 'tester', event_id, '', '', epoch, ARRAY[shard], ARRAY[position] FROM log.events
"""

type Rewrite = Callable[[list[tuple[bytes, dict[bytes, bytes]]]], list[tuple[bytes, dict[bytes, bytes]]]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line's servers; `shard` is the one that tests damage: it has at least ten events."""

    pool: Pool
    redis: Redis
    shard: int

    async def verify(self, *, is_deep: bool = True) -> Report:
        return await verify_line(self.pool, self.redis, is_deep=is_deep)

    async def find(self, *, is_deep: bool = True) -> set[str]:
        """Return the kinds of differences."""
        return kinds(await self.verify(is_deep=is_deep))


def kinds(report: Report) -> set[str]:
    return {difference.kind.value for difference in report.differences}


async def verify_line(pool: Pool, redis: Redis, *, is_deep: bool = True) -> Report:
    return await verify(pool, redis, Scope(is_deep=is_deep, patience_seconds=0))


async def make_line(pool: Pool, redis: Redis, randomness: Random, *, tasks: int = 60) -> Line:
    """Write lives of tasks and the rest of the line with them."""
    await write_tasks(pool, randomness, tasks)
    return await complete_line(pool, redis)


async def complete_line(pool: Pool, redis: Redis) -> Line:
    """Make the rest of the line from a log, without the processes that do it otherwise."""
    await pool.execute(_WRITE_SIDE)
    await pool.execute(_RECEIPTS)
    await carry(pool, redis)
    await project_everything(pool)
    await unguard(pool)
    shard = await pool.fetchval("SELECT shard FROM log.events GROUP BY shard ORDER BY count(*) DESC LIMIT 1")
    return Line(pool, redis, shard)


async def rewrite_stream(redis: Redis, shard: int, change: Rewrite) -> None:
    """Put the entries back as somebody has changed them."""
    entries = change(await read_entries(redis, shard))
    await redis.delete(stream_name(shard))
    for entry_id, fields in entries:
        await redis.xadd(stream_name(shard), fields, id=entry_id)  # type: ignore[arg-type]  # redis-py wants one type of key
