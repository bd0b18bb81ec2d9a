"""The relay process: wires the services to PostgreSQL and Redis, and answers /health, /ready and /metrics.

Starts and stays alive while either server is not there yet. Any number of them may run at once and share the shards.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from contracts.streams import EntryId
from infrastructure.clock import monotonic_seconds
from infrastructure.cluster_identity import admit_cluster
from infrastructure.event_log import ensure_partitions, remembered_shards
from infrastructure.lease_keeping import LeasePlan, open_leases
from infrastructure.log_batches import LogBatch, read_batches
from infrastructure.postgres import Pool, is_connection_error, open_pool
from infrastructure.redis_client import RedisClient, is_redis_error, open_redis
from infrastructure.redis_memory import find_memory_dangers, read_redis_memory
from infrastructure.settings import Settings
from infrastructure.shard_leases import new_member
from infrastructure.stream_repair import clear_stream, find_damage
from infrastructure.stream_trimming import Retention
from infrastructure.stream_writer import append_batches, locate_streams
from infrastructure.wake import listen_for_wakes
from infrastructure.web.health import check_postgres, check_redis, create_health_application
from infrastructure.web.serving import serve
from outbox_relay.board import Board, check_shards, report_shards
from outbox_relay.dependencies import RelayDependencies
from outbox_relay.figures import read_figures
from outbox_relay.keeping import create_keeping
from outbox_relay.records import RELAY_ROLE
from outbox_relay.services.follow_log import follow_log
from outbox_relay.services.keep_groups import keep_groups
from outbox_relay.services.keep_partitions import keep_partitions
from outbox_relay.services.keep_retention import keep_retention
from outbox_relay.services.keep_trimmed import keep_trimmed
from outbox_relay.services.mend_streams import mend_streams
from outbox_relay.services.watch_memory import watch_memory

__all__ = ["EVENTS_A_SHARD", "Wiring", "create_dependencies", "run", "share_log"]

type HeldBy = Callable[[], frozenset[int] | None]

EVENTS_A_SHARD: Final = 500
_BYTES_A_READ: Final = 8 * 1024 * 1024
"""Bound of one read over all shards, and so of the relay's memory, whatever the backlog."""
_POOL_SIZE: Final = 5
"""Two reads at once, leases, and the upkeep of partitions, groups and streams."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a relay is made of; `wake` is set by whoever hears of something new."""

    pool: Pool
    redis: RedisClient
    board: Board
    wake: asyncio.Event
    retention: Retention = field(default_factory=Retention)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Relay and serve until `stop` is set. Raises OSError where the port can't be had."""
    async with _open_servers(settings) as (pool, redis):
        board, wake = Board(), asyncio.Event()
        checks = {"postgresql": check_postgres(pool), "redis": check_redis(redis), "shards": check_shards(board)}
        application = create_health_application("relay", checks, partial(read_figures, pool, redis))
        wiring = Wiring(pool, redis, board, wake, _retention(settings))
        dependencies = create_dependencies(wiring)
        work = [
            share_log(wiring, stop),
            keep_partitions(dependencies, stop),
            mend_streams(dependencies, stop),
            watch_memory(dependencies, stop),
            serve(application, host=settings.host, port=settings.port, stop=stop),
        ]
        try:
            await _run_together(work, stop, wake)
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures


async def share_log(wiring: Wiring, stop: asyncio.Event) -> None:
    """Carry this relay's share of the shards until `stop` is set; the others get them at once when it ends."""
    plan = LeasePlan(
        new_member(),
        [RELAY_ROLE],
        on_change=wiring.wake.set,
        is_fit=lambda: not wiring.board.newest[0].trouble,
        report=lambda: report_shards(wiring.board.newest[0], wiring.retention.limit),
    )
    # The leases are left as soon as nothing more is carried: nobody waits for what is looked after beside.
    async with asyncio.TaskGroup() as tasks, open_leases(wiring.pool, wiring.redis, plan) as shares:
        held = partial(shares.held, RELAY_ROLE)
        listening = listen_for_wakes(wiring.redis, wiring.wake.set, lambda shards: _are_held(shards, held()))
        listener = tasks.create_task(listening)
        keeping = create_keeping(wiring.pool, wiring.redis, wiring.retention, held)
        tasks.create_task(keep_groups(keeping, stop))
        tasks.create_task(keep_trimmed(keeping, stop))
        tasks.create_task(keep_retention(keeping, stop))
        await follow_log(create_dependencies(wiring, held), stop)
        listener.cancel()


def _retention(settings: Settings) -> Retention:
    return Retention(settings.stream_keep, settings.stream_limit, settings.log_retention_days)


def create_dependencies(wiring: Wiring, held: HeldBy = lambda: None) -> RelayDependencies:
    """Wire the services to a pool and a client; without leases to go by the relay carries every shard."""
    pool, redis = wiring.pool, wiring.redis
    return RelayDependencies(
        count_shards=remembered_shards(pool),
        held_shards=held,
        read_batches=partial(_read_bounded, pool),
        append_batches=partial(append_batches, redis),
        locate_streams=partial(locate_streams, redis),
        ensure_partitions=partial(ensure_partitions, pool),
        find_memory_dangers=partial(_find_memory_dangers, redis),
        find_damage=partial(find_damage, pool, redis),
        clear_stream=partial(clear_stream, redis),
        wait_for_wake=partial(_wait_for, wiring.wake),
        monotonic_seconds=monotonic_seconds,
        name_failure=_name_failure,
        report=wiring.board.pin,
        read_status=lambda: wiring.board.newest[0],
    )


async def _run_together(work: Sequence[Coroutine[None, None, None]], stop: asyncio.Event, wake: asyncio.Event) -> None:
    """Run everything until `stop` is set; what fails takes the rest with it, as an ExceptionGroup."""
    async with asyncio.TaskGroup() as tasks:
        for coroutine in work:
            tasks.create_task(coroutine)
        await stop.wait()
        wake.set()


def _are_held(shards: frozenset[int], held: frozenset[int] | None) -> bool:
    return held is None or not held.isdisjoint(shards)


@asynccontextmanager
async def _open_servers(settings: Settings) -> AsyncIterator[tuple[Pool, RedisClient]]:
    redis = open_redis(settings.redis_url.get_secret_value())
    pool = await open_pool(
        settings.database_url.get_secret_value(),
        size=_POOL_SIZE,
        application_name="bureau relay",
        on_connect=partial(admit_cluster, redis),
    )
    try:
        yield pool, redis
    finally:
        pool.terminate()
        await redis.aclose()


async def _read_bounded(pool: Pool, ends: Mapping[int, EntryId]) -> list[LogBatch]:
    if not ends:
        return []
    max_bytes = _BYTES_A_READ // len(ends)
    return await read_batches(pool, ends, limit=EVENTS_A_SHARD, max_bytes=max_bytes)


async def _find_memory_dangers(redis: RedisClient) -> Mapping[str, str]:
    return find_memory_dangers(await read_redis_memory(redis))


async def _wait_for(wake: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
    wake.clear()


def _name_failure(error: Exception) -> str:
    if is_redis_error(error) and not isinstance(error, OSError):
        return "redis"
    return "postgresql" if is_connection_error(error) else "relay"
