"""How fast projectors work through a backlog, beside a bare set-based upsert of the same rows in the same run.

The floor saves rows that are ready in memory, in batches of the same size with the same statement; the measurement
reads envelopes, folds them into views, renders and saves them, from the log and through the streams. Then latency at
a steady pace: from an event's entry on the stream to the notice that it was applied.
Run alone: `python -m benchmarks.projectors`.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Final

from redis.asyncio.client import PubSub

from benchmarks.report import Result, print_results
from benchmarks.task_events import EVENTS_A_TASK, append_lines, fill_log, make_task
from bureau.embedded import PostgresConfig, ValkeyConfig, start_postgres, start_valkey, stop_postgres, stop_valkey
from contracts.streams import APPLIED_CHANNEL, shard_of, stream_name
from infrastructure.event_log import read_log
from infrastructure.log_batches import read_batches
from infrastructure.postgres import Pool, open_pool
from infrastructure.read_checkpoints import open_checkpoints, read_standings
from infrastructure.read_store import Move, TableRows, load_bodies, save_batch
from infrastructure.redis_client import RedisClient, open_redis
from infrastructure.stream_writer import append_batches
from migrations.runner import migrate_database
from projectors.entries import ShardBatch, entry_of_row, split_by_shard
from projectors.following import BATCH_ENTRIES
from projectors.main import create_followers, work
from projectors.projections import PROJECTIONS, Projection
from projectors.projections.tasks import TASKS
from projectors.reading import Session, check_reading
from projectors.services import ApplyDependencies, apply_projection

__all__ = ["run"]

_SHARDS: Final = 16
_TABLES: Final = (
    "read.checkpoints, read.agent_list, read.agent_detail, read.task_list, read.task_detail, read.task_messages,"
    " read.task_artifact_chunks, read.task_timeline"
)

type Place = tuple[int, int]
"""A shard and a position."""

type Save = tuple[tuple[str, int], Sequence[Move], Sequence[TableRows]]


async def run(database_url: str, redis_url: str, *, tasks: int = 10_000, paced: int = 1_500) -> list[Result]:
    """Measure backlogs of five events a task, then a pace of 300 events a second. The servers must be empty."""
    pool = await open_pool(database_url, size=6, application_name="bench", is_durable=False)
    redis = open_redis(redis_url)
    try:
        await fill_log(pool, tasks, shards=_SHARDS)
        every, only = PROJECTIONS, (TASKS,)
        return [
            await _measure(pool, redis_url, only, "task list, from the log", tasks),
            await _measure(pool, redis_url, only, "task list, through the streams", tasks, redis),
            await _measure(pool, redis_url, every, "all projections, from the log", tasks),
            await _measure_latency(pool, redis, redis_url, 300, paced),
        ]
    finally:
        await pool.close()
        await redis.aclose()


async def _empty(pool: Pool, projections: Sequence[Projection]) -> None:
    """Forget everything that was projected."""
    await pool.execute(f"TRUNCATE {_TABLES}")
    for projection in projections:
        await open_checkpoints(pool, projection.name, projection.version)


async def _record_saves(pool: Pool, projection: Projection) -> list[Save]:
    """Project the whole log once and return what was saved, batch by batch."""
    saves: list[Save] = []

    async def save(name: tuple[str, int], moves: Sequence[Move], tables: Sequence[TableRows]) -> set[int]:
        saves.append((name, moves, tables))
        return await save_batch(pool, name, moves, tables)

    dependencies = ApplyDependencies(partial(load_bodies, pool), save, lambda *_: None)
    standings = await read_standings(pool, projection.name, projection.version)
    checkpoints = {shard: standing.checkpoint for shard, standing in standings.items()}
    while True:
        after = {shard: checkpoint.position for shard, checkpoint in checkpoints.items()}
        rows = await read_log(pool, after, limit=BATCH_ENTRIES // _SHARDS, max_bytes=1_000_000)
        if not rows:
            return saves
        shards = split_by_shard(map(entry_of_row, rows))
        batch = [ShardBatch(shard, checkpoints[shard], tuple(entries)) for shard, entries in shards.items()]
        checkpoints |= (await apply_projection(projection, batch, dependencies)).moved


async def _measure_floor(pool: Pool, projections: Sequence[Projection]) -> float:
    """Return the seconds that saving takes when all rows are ready; projections side by side."""
    await _empty(pool, projections)
    recorded = [await _record_saves(pool, projection) for projection in projections]
    await _empty(pool, projections)

    async def replay(saves: Sequence[Save]) -> None:
        for save in saves:
            assert await save_batch(pool, *save)

    started = perf_counter()
    await asyncio.gather(*(replay(saves) for saves in recorded))
    return perf_counter() - started


async def _has_arrived(pool: Pool, projections: Sequence[Projection]) -> bool:
    """Tell whether all projections are at the head of the log."""
    for projection in projections:
        standings = await read_standings(pool, projection.name, projection.version)
        if any(standing.checkpoint != standing.head for standing in standings.values()):
            return False
    return True


@asynccontextmanager
async def _working(pool: Pool, redis_url: str, projections: Sequence[Projection]) -> AsyncIterator[Session]:
    """Run the projectors' loops while the block lasts."""
    client = open_redis(redis_url)
    session = Session(redis_url, create_followers(projections))
    task = asyncio.create_task(work(session, pool, client))
    try:
        yield session
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def _carry(pool: Pool, redis: RedisClient) -> None:
    """Bring the log onto the streams."""
    positions: Mapping[int, int] = dict.fromkeys(range(_SHARDS), 0)
    while positions:
        batches = await read_batches(pool, positions, limit=500, max_bytes=1_000_000)
        await append_batches(redis, batches)
        positions = {batch.shard: batch.last_position for batch in batches if batch.is_cut}


async def _drain(pool: Pool, redis_url: str, projections: Sequence[Projection], redis: RedisClient | None) -> float:
    """Return the seconds until the whole log is projected: through the streams where Redis is given, else without."""
    await _empty(pool, projections)
    if redis is not None:
        await redis.flushdb()
        await _carry(pool, redis)
    started = perf_counter()
    async with _working(pool, redis_url if redis else "redis://127.0.0.1:1/0", projections):
        while not await _has_arrived(pool, projections):
            await asyncio.sleep(0.02)
        return perf_counter() - started


async def _measure(
    pool: Pool,
    redis_url: str,
    projections: Sequence[Projection],
    name: str,
    tasks: int,
    redis: RedisClient | None = None,
) -> Result:
    """Measure one way through the backlog, best of two."""
    events = tasks * EVENTS_A_TASK
    floor = events / min([await _measure_floor(pool, projections) for _ in range(2)])
    rates = [events / await _drain(pool, redis_url, projections, redis) for _ in range(2)]
    # The first second goes by before the log is asked: what the streams don't bring is noted then.
    note = f"{events:,} events, runs of {', '.join(f'{rate:,.0f}' for rate in rates)}"
    return Result(f"projectors, {name}", max(rates), "events/s", floor, max(rates) / floor, note)


async def _measure_latency(pool: Pool, redis: RedisClient, redis_url: str, a_second: int, number: int) -> Result:
    """Append events one by one at a steady pace; measure from the stream's entry to the notice of the task list."""
    await pool.execute("TRUNCATE log.events")
    await redis.flushdb()
    await _empty(pool, PROJECTIONS)
    randomness, added, applied = Random(3), dict[Place, float](), dict[Place, float]()
    lines = [line for _ in range(number // EVENTS_A_TASK) for line in make_task(randomness)]
    async with _working(pool, redis_url, PROJECTIONS) as session, redis.pubsub() as notices:
        await notices.subscribe(APPLIED_CHANNEL)
        listener = asyncio.create_task(_listen(notices, applied))
        await _wait_until_reading(session)
        began = process_time()
        for line in lines:
            next_at = perf_counter() + 1 / a_second
            shard = shard_of(line.root, _SHARDS)
            position = await append_lines(pool, shard, [line])
            added[shard, position] = perf_counter()
            fields = {"event_id": str(line.event_id), "__data__": line.envelope}
            await redis.xadd(stream_name(shard), fields, id=f"1-{position}")
            await asyncio.sleep(max(0.0, next_at - perf_counter()))
        while not await _has_arrived(pool, PROJECTIONS):
            await asyncio.sleep(0.02)
        listener.cancel()
    took = sorted((_time_of(applied, place) - at) * 1000 for place, at in added.items())
    p50, p95, p99 = (took[int(len(took) * part)] for part in (0.5, 0.95, 0.99))
    busy = (process_time() - began) / len(lines) * 1e6
    note = (
        f"p95 {p95:.1f}, p99 {p99:.1f}; {busy:.0f} us of CPU an event for all in this process, writer and listener too"
    )
    return Result(f"projectors, stream to applied, {a_second} a second, p50", p50, "ms", note=note)


async def _wait_until_reading(session: Session) -> None:
    """Wait until every stream is being read."""
    while True:
        try:
            await check_reading(session)
        except RuntimeError:
            await asyncio.sleep(0.02)
        else:
            return


async def _listen(notices: PubSub, applied: dict[Place, float]) -> None:
    """Note when each position of the task list was said to be applied."""
    async for message in notices.listen():
        if message["type"] == "message" and message["data"].startswith(b"tasks "):
            _, shard, _, position = message["data"].split()
            applied[int(shard), int(position)] = perf_counter()


def _time_of(applied: Mapping[Place, float], place: Place) -> float:
    """Return when a position was first said to be passed."""
    return min(at for (shard, position), at in applied.items() if shard == place[0] and position >= place[1])


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


def main() -> None:
    """Measure with servers of our own and print the table."""
    with _servers() as (database_url, redis_url):
        migrate_database(database_url, shards=_SHARDS)
        print_results("Projectors", asyncio.run(run(database_url, redis_url)))


if __name__ == "__main__":
    main()
