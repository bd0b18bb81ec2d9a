"""Events for the relay to carry: appended through the log's own function, with envelopes that nobody can parse."""

import random
from collections import defaultdict
from uuid import UUID

import asyncpg

from contracts.streams import shard_of
from tests.servers import TEST_SHARDS

__all__ = ["append_event", "append_many"]

_APPEND = """
SELECT * FROM log.append_to_shards(ARRAY[$1::smallint], array_fill($1::smallint, ARRAY[cardinality($2::uuid[])]),
                                   $2::uuid[], $3, 'test', $4, $5, $6, $5, $7)
"""


async def append_event(
    pool: "asyncpg.Pool[asyncpg.Record]", root: UUID, generation: int, randomness: random.Random, *, size: int = 200
) -> None:
    """Append the root's next event, of so many opaque bytes."""
    await _append(pool, shard_of(root, TEST_SHARDS), [(root, generation)], randomness, size)


async def append_many(
    pool: "asyncpg.Pool[asyncpg.Record]", total: int, randomness: random.Random, *, roots: int = 40, size: int = 200
) -> None:
    """Append events of new roots in turn, a few hundred a transaction."""
    ids = [UUID(int=randomness.getrandbits(128)) for _ in range(roots)]
    shards: dict[int, list[tuple[UUID, int]]] = defaultdict(list)
    for number in range(total):
        root = ids[number % roots]
        shards[shard_of(root, TEST_SHARDS)].append((root, number // roots + 1))
    for shard, events in shards.items():
        for start in range(0, len(events), 500):
            await _append(pool, shard, events[start : start + 500], randomness, size)


async def _append(
    pool: "asyncpg.Pool[asyncpg.Record]",
    shard: int,
    events: list[tuple[UUID, int]],
    randomness: random.Random,
    size: int,
) -> None:
    number = len(events)
    await pool.execute(
        _APPEND,
        shard,
        [UUID(int=randomness.getrandbits(128)) for _ in events],
        ["task.submitted"] * number,
        ["task"] * number,
        [root for root, _ in events],
        [generation for _, generation in events],
        [randomness.randbytes(size) for _ in events],
    )
