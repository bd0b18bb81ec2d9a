"""What must be true of the log at rest, and of every reading of it while writers run."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson

from contracts.streams import shard_of
from infrastructure.event_log import read_log
from infrastructure.postgres import Pool
from tests.servers import TEST_SHARDS

if TYPE_CHECKING:
    import asyncpg

__all__ = ["Observation", "count_deadlocks", "find_faults", "find_inversions", "observe"]

_EVENTS = "SELECT shard, position, event_id, aggregate_id, generation, root_id FROM log.events ORDER BY shard, position"
_DENSITY = """
SELECT e.shard, count(*) AS events, min(e.position) AS first, max(e.position) AS last, f.position AS floor
FROM log.events e JOIN log.floors f USING (shard) GROUP BY e.shard, f.position
"""
_COMMITS = "SELECT shard, position, pg_xact_commit_timestamp(xmin) AS at FROM log.events ORDER BY shard, position"


@dataclass(frozen=True, slots=True)
class Observation:
    """What a reader saw while writers ran: faults in words, and the rows that it followed, by shard."""

    faults: list[str] = field(default_factory=list)
    readings: list[int] = field(default_factory=list)
    followed: dict[int, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))


async def observe(pool: Pool, stop: asyncio.Event) -> Observation:
    """Read all shards again and again until told to stop, and once more after that.

    A gap in one reading is a fault, and so is a position that appears at or below one that was read before.
    """
    observation = Observation()
    is_last = False
    while not is_last:
        is_last = stop.is_set()
        density = await pool.fetch(_DENSITY)
        observation.faults.extend(f"gap: {dict(row)}" for row in density if not _is_dense(row))
        observation.readings.append(sum(row["events"] for row in density))
        after = {shard: len(observation.followed[shard]) for shard in range(TEST_SHARDS)}
        for row in await read_log(pool, after, limit=500, max_bytes=10_000_000):
            observation.followed[row.shard].append((row.position, str(row.event_id)))
    final = defaultdict(list)
    for stored in await pool.fetch(_EVENTS):
        final[stored["shard"]].append((stored["position"], str(stored["event_id"])))
    observation.faults.extend(
        f"shard {shard} was followed differently" for shard in final if final[shard] != observation.followed[shard]
    )
    return observation


def _is_dense(row: "asyncpg.Record") -> bool:
    return bool(row["first"] == row["floor"] + 1 and row["last"] - row["floor"] == row["events"])


async def find_faults(pool: Pool) -> list[str]:
    """Return what is wrong with the log at rest: positions, generations, shards, receipts; empty when all is well."""
    density = await pool.fetch(_DENSITY)
    events = await pool.fetch(_EVENTS)
    faults = [f"gap: {dict(row)}" for row in density if not _is_dense(row)]
    misplaced = [row for row in events if shard_of(row["root_id"], TEST_SHARDS) != row["shard"]]
    faults += [f"in the wrong shard: {dict(row)}" for row in misplaced]
    faults += await _find_wrong_generations(pool, events)
    return faults + await _find_unpaired_receipts(pool, {str(row["event_id"]) for row in events}, len(events))


async def _find_wrong_generations(pool: Pool, events: "list[asyncpg.Record]") -> list[str]:
    generations: dict[Any, list[int]] = defaultdict(list)
    for row in events:
        generations[row["aggregate_id"]].append(row["generation"])
    expected = {
        row["id"]: list(range(1, row["generation"] + 1))
        for row in await pool.fetch("SELECT id, generation FROM write.aggregates")
    }
    return [] if generations == expected else [f"generations {dict(generations)}, aggregates {expected}"]


async def _find_unpaired_receipts(pool: Pool, logged: set[str], events: int) -> list[str]:
    receipts = await pool.fetch("SELECT key, result, shards, positions FROM write.receipts")
    promised = [event_id for receipt in receipts for event_id in orjson.loads(receipt["result"])]
    heads = {row["shard"]: row["last"] for row in await pool.fetch(_DENSITY)}
    beyond = [
        f"receipt {receipt['key']} names a position beyond the log"
        for receipt in receipts
        for shard, position in zip(receipt["shards"], receipt["positions"], strict=True)
        if position > heads.get(shard, 0)
    ]
    is_paired = len(promised) == len(set(promised)) == events == len(logged) and set(promised) == logged
    return beyond if is_paired else [*beyond, f"receipts name {len(promised)} events, the log holds {events}"]


async def find_inversions(pool: Pool) -> list[str]:
    """Return neighbours in a shard whose commits came in the other order; needs track_commit_timestamp."""
    rows = await pool.fetch(_COMMITS)
    return [
        f"shard {left['shard']}: {right['position']} was committed before {left['position']}"
        for left, right in pairwise(rows)
        if left["shard"] == right["shard"] and left["at"] > right["at"]
    ]


async def count_deadlocks(pool: Pool) -> int:
    """Return how many deadlocks this database broke; ask over a fresh connection, after the writers' are closed."""
    found: int = await pool.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return found
