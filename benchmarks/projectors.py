"""How fast projectors work through a backlog, beside a bare set-based upsert of the same rows in the same run.

The floor saves rows that are ready in memory, in batches of the same size with the same statement; the measurement
reads envelopes, folds them into views, renders and saves them, from the log and through the streams; time counts from
the first batch that is applied, as the log is asked only a second after the start. Then latency at a steady pace: from
an event's entry on the stream to the notice that it was applied.
Run alone: `python -m benchmarks.projectors`.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.projector_latency import measure_latency
from benchmarks.projector_runs import empty_read_models, has_arrived, working
from benchmarks.report import Result, print_results
from benchmarks.task_events import fill_log
from bureau.embedded import PostgresConfig, ValkeyConfig, start_postgres, start_valkey, stop_postgres, stop_valkey
from contracts.streams import EntryId
from infrastructure.event_log import read_log
from infrastructure.log_batches import read_batches
from infrastructure.postgres import Pool, open_pool
from infrastructure.read_checkpoints import open_serving, read_standings
from infrastructure.read_store import Move, TableRows, load_bodies, save_batch
from infrastructure.read_versions import ReadVersion
from infrastructure.redis_client import RedisClient, open_redis
from infrastructure.stream_writer import append_batches
from migrations.runner import migrate_database
from projectors.collecting import collect_less
from projectors.entries import ShardBatch, entry_of_row, split_by_shard
from projectors.following import BATCH_ENTRIES
from projectors.projections import PROJECTIONS, Projection
from projectors.projections.tasks import TASKS
from projectors.services import ApplyDependencies, apply_projection

__all__ = ["run"]

_SHARDS: Final = 16
type Save = tuple[ReadVersion, Sequence[Move], Sequence[TableRows]]


async def run(database_url: str, redis_url: str, *, tasks: int = 4_000, paced: int = 1_500) -> list[Result]:
    """Measure backlogs of five events a task, then a pace of 300 events a second. The servers must be empty."""
    collect_less()
    pool = await open_pool(database_url, size=6, application_name="bench", is_durable=False)
    redis = open_redis(redis_url)
    try:
        await fill_log(pool, tasks, shards=_SHARDS)
        every, only = PROJECTIONS, (TASKS,)
        return [
            await _measure(pool, redis_url, only, "task list, from the log"),
            await _measure(pool, redis_url, only, "task list, through the streams", redis),
            await _measure(pool, redis_url, every, "all projections, from the log"),
            await _measure(pool, redis_url, every, "all projections, through the streams", redis),
            await measure_latency(pool, redis, redis_url, 300, paced),
        ]
    finally:
        await pool.close()
        await redis.aclose()


async def _record_saves(pool: Pool, projection: Projection) -> list[Save]:
    """Project the whole log once and return what was saved, batch by batch."""
    saves: list[Save] = []

    async def save(version: ReadVersion, moves: Sequence[Move], tables: Sequence[TableRows]) -> set[int]:
        saves.append((version, moves, tables))
        return await save_batch(pool, version, moves, tables)

    dependencies = ApplyDependencies(partial(load_bodies, pool), save, lambda *_: None)
    standings = await read_standings(pool, await open_serving(pool, projection.name))
    checkpoints = {shard: standing.checkpoint for shard, standing in standings.items()}
    while True:
        after = {shard: checkpoint.position for shard, checkpoint in checkpoints.items()}
        rows = await read_log(pool, after, limit=BATCH_ENTRIES // _SHARDS, max_bytes=1_000_000)
        if not rows:
            return saves
        shards = split_by_shard(map(entry_of_row, rows))
        batch = [ShardBatch(shard, checkpoints[shard], tuple(entries)) for shard, entries in shards.items()]
        applied = await apply_projection(projection, batch, dependencies)
        assert not applied.failures
        checkpoints |= applied.moved


async def _measure_floor(pool: Pool, projections: Sequence[Projection]) -> float:
    """Return the seconds that saving takes when all rows are ready; projections side by side."""
    await empty_read_models(pool, projections)
    recorded = [await _record_saves(pool, projection) for projection in projections]
    await empty_read_models(pool, projections)

    async def replay(saves: Sequence[Save]) -> None:
        for save in saves:
            assert await save_batch(pool, *save)

    started = perf_counter()
    await asyncio.gather(*(replay(saves) for saves in recorded))
    return perf_counter() - started


async def _carry(pool: Pool, redis: RedisClient) -> None:
    """Bring the log onto the streams."""
    positions: Mapping[int, EntryId] = dict.fromkeys(range(_SHARDS), EntryId(0, 0))
    while positions:
        batches = await read_batches(pool, positions, limit=500, max_bytes=1_000_000)
        await append_batches(redis, batches)
        positions = {batch.shard: batch.last for batch in batches if batch.is_cut}


async def _drain(pool: Pool, redis_url: str, projections: Sequence[Projection], redis: RedisClient | None) -> float:
    """Return events a second until all is projected: through the streams where Redis is given, else from the log."""
    await empty_read_models(pool, projections)
    if redis is not None:
        await redis.flushdb()
        await _carry(pool, redis)
    events = await pool.fetchval("SELECT count(*) FROM log.events")
    async with working(pool, redis_url if redis else "redis://127.0.0.1:1/0", projections):
        while not (applied := await pool.fetchval("SELECT sum(position)::integer FROM read.checkpoints")):
            await asyncio.sleep(0.005)
        started = perf_counter()
        while not await has_arrived(pool, projections):
            await asyncio.sleep(0.02)
        return float((events - applied / len(projections)) / (perf_counter() - started))


async def _measure(
    pool: Pool, redis_url: str, projections: Sequence[Projection], name: str, redis: RedisClient | None = None
) -> Result:
    """Measure one way through the backlog, best of two."""
    events = await pool.fetchval("SELECT count(*) FROM log.events")
    floor = events / min([await _measure_floor(pool, projections) for _ in range(2)])
    rates = [await _drain(pool, redis_url, projections, redis) for _ in range(2)]
    note = f"{events:,} events, runs of {', '.join(f'{rate:,.0f}' for rate in rates)}"
    return Result(f"projectors, {name}", max(rates), "events/s", floor, max(rates) / floor, note)


@contextmanager
def _servers() -> Iterator[tuple[str, str]]:
    """Start servers of our own in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="bureau-bench-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        postgres = start_postgres(PostgresConfig(Path(directory) / "postgres"))
        valkey = start_valkey(ValkeyConfig(Path(directory) / "valkey", is_durable=False))
        try:
            yield postgres.database_url(), valkey.redis_url()
        finally:
            stop_postgres(postgres)
            stop_valkey(valkey)


def _main() -> None:
    """Measure with servers of our own and print the table."""
    with _servers() as (database_url, redis_url):
        migrate_database(database_url, shards=_SHARDS)
        print_results("Projectors", asyncio.run(run(database_url, redis_url)))


if __name__ == "__main__":
    _main()
