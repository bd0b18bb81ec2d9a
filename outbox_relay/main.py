"""The relay process: wires the services to PostgreSQL and Redis, and answers /health and /ready.

Starts and stays alive while either server is not there yet. Any number of them may run at once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from infrastructure.clock import monotonic_seconds
from infrastructure.event_log import count_shards, ensure_partitions
from infrastructure.log_batches import LogBatch, read_batches
from infrastructure.postgres import Pool, is_connection_error, open_pool
from infrastructure.redis_client import RedisClient, is_redis_error, open_redis
from infrastructure.settings import Settings
from infrastructure.stream_writer import append_batches, locate_streams
from infrastructure.wake import listen_for_wakes
from infrastructure.web.health import Check, check_postgres, check_redis, create_health_application
from infrastructure.web.serving import serve
from outbox_relay.dependencies import RelayDependencies
from outbox_relay.records import RelayStatus, ShardCondition
from outbox_relay.services.follow_log import follow_log
from outbox_relay.services.keep_partitions import keep_partitions

__all__ = ["EVENTS_A_SHARD", "Board", "create_dependencies", "describe_shards", "run"]

EVENTS_A_SHARD: Final = 500
_BYTES_A_READ: Final = 8 * 1024 * 1024
"""Bound of one read over all shards, and so of the relay's memory, whatever the backlog."""
_POOL_SIZE: Final = 3


@dataclass(frozen=True, slots=True)
class Board:
    """Where the loop pins its newest status for the health routes to read; a list of exactly one."""

    newest: list[RelayStatus] = field(default_factory=lambda: [RelayStatus()])

    def pin(self, status: RelayStatus) -> None:
        """Replace the status that is shown."""
        self.newest[0] = status


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Relay and serve until `stop` is set. Raises OSError where the port can't be had."""
    async with _open_servers(settings) as (pool, redis):
        board, wake = Board(), asyncio.Event()
        dependencies = create_dependencies(pool, redis, board, wake)
        checks = {"postgresql": check_postgres(pool), "redis": check_redis(redis), "shards": _check_shards(board)}
        application = create_health_application("relay", checks)
        work = [
            follow_log(dependencies, stop),
            keep_partitions(dependencies, stop),
            serve(application, host=settings.host, port=settings.port, stop=stop),
        ]
        try:
            await _run_together(work, listen_for_wakes(redis, wake.set), stop, wake)
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures


def create_dependencies(pool: Pool, redis: RedisClient, board: Board, wake: asyncio.Event) -> RelayDependencies:
    """Wire the services to a pool and a client; `wake` is set by whoever hears of something new."""
    return RelayDependencies(
        count_shards=partial(count_shards, pool),
        read_batches=partial(_read_bounded, pool),
        append_batches=partial(append_batches, redis),
        locate_streams=partial(locate_streams, redis),
        ensure_partitions=partial(ensure_partitions, pool),
        wait_for_wake=partial(_wait_for, wake),
        monotonic_seconds=monotonic_seconds,
        name_failure=_name_failure,
        report=board.pin,
    )


def describe_shards(status: RelayStatus) -> dict[str, dict[str, str | int]]:
    """Return each shard's position, condition and last error, ready for JSON."""
    return {
        str(shard): {"position": state.position, "condition": state.condition.value, "error": state.error}
        for shard, state in sorted(status.shards.items())
    }


async def _run_together(
    work: Sequence[Coroutine[None, None, None]],
    listening: Coroutine[None, None, None],
    stop: asyncio.Event,
    wake: asyncio.Event,
) -> None:
    """Run everything until `stop` is set; what fails takes the rest with it, as an ExceptionGroup."""
    async with asyncio.TaskGroup() as tasks:
        listener = tasks.create_task(listening)
        for coroutine in work:
            tasks.create_task(coroutine)
        await stop.wait()
        wake.set()
        listener.cancel()


@asynccontextmanager
async def _open_servers(settings: Settings) -> AsyncIterator[tuple[Pool, RedisClient]]:
    pool = await open_pool(settings.database_url.get_secret_value(), size=_POOL_SIZE, application_name="bureau relay")
    redis = open_redis(settings.redis_url.get_secret_value())
    try:
        yield pool, redis
    finally:
        pool.terminate()
        await redis.aclose()


async def _read_bounded(pool: Pool, positions: Mapping[int, int]) -> list[LogBatch]:
    if not positions:
        return []
    max_bytes = _BYTES_A_READ // len(positions)
    return await read_batches(pool, positions, limit=EVENTS_A_SHARD, max_bytes=max_bytes)


async def _wait_for(wake: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
    wake.clear()


def _name_failure(error: Exception) -> str:
    if is_redis_error(error) and not isinstance(error, OSError):
        return "redis"
    return "postgresql" if is_connection_error(error) else "relay"


def _check_shards(board: Board) -> Check:
    """Return a check that fails while any shard cannot go on, or all wait for a server."""

    async def check() -> None:
        status = board.newest[0]
        held = [
            f"shard {shard} {state.condition}: {state.error}"
            for shard, state in sorted(status.shards.items())
            if state.condition in {ShardCondition.STOPPED, ShardCondition.WAITING}
        ]
        if status.trouble or held:
            raise RuntimeError("; ".join([status.trouble, *held]).removeprefix("; "))

    return check
