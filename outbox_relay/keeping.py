"""What the upkeep of the streams needs from outside, as plain callables, wired to PostgreSQL and Redis."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from contracts.streams import EntryId
from infrastructure.consumer_groups import create_groups, read_groups
from infrastructure.event_log import remembered_shards
from infrastructure.postgres import Pool
from infrastructure.readers import (
    GroupKey,
    ReaderPosition,
    ReaderStanding,
    read_reader_positions,
    read_reader_standings,
    save_reader_positions,
)
from infrastructure.redis_client import RedisClient
from infrastructure.retention import Archived, archive_log
from infrastructure.stream_trimming import (
    Retention,
    StreamBounds,
    StreamFloor,
    raise_floors,
    read_streams,
    trim_streams,
)
from infrastructure.upkeep import record_run

__all__ = ["KeepingDependencies", "create_keeping"]


@dataclass(frozen=True, slots=True)
class KeepingDependencies:
    """Everything with a socket. Only shards that `list_shards` names are looked at: those that this relay holds."""

    retention: Retention
    list_shards: Callable[[], Awaitable[Sequence[int]]]
    count_shards: Callable[[], Awaitable[int]]
    read_positions: Callable[[Sequence[int]], Awaitable[Sequence[ReaderPosition]]]
    """How far the registered readers had come when it was noted last."""
    read_standings: Callable[[], Awaitable[Sequence[ReaderStanding]]]
    """Where all registered readers stand beside the log."""
    save_positions: Callable[[Mapping[GroupKey, EntryId]], Awaitable[None]]
    read_groups: Callable[[Iterable[GroupKey]], Awaitable[Mapping[GroupKey, EntryId]]]
    """How far those of the groups that exist have come."""
    create_groups: Callable[[Mapping[GroupKey, EntryId]], Awaitable[Sequence[GroupKey]]]
    read_streams: Callable[[Sequence[int]], Awaitable[Mapping[int, StreamBounds]]]
    raise_floors: Callable[[Mapping[int, StreamBounds], Retention], Awaitable[Sequence[StreamFloor]]]
    trim_streams: Callable[[Sequence[StreamFloor], Mapping[int, StreamBounds]], Awaitable[int]]
    record_trimming: Callable[[int], Awaitable[None]]
    archive_log: Callable[[Mapping[int, StreamBounds]], Awaitable[Archived]]
    record_archiving: Callable[[int, str], Awaitable[None]]


def create_keeping(
    pool: Pool, redis: RedisClient, retention: Retention, held: Callable[[], frozenset[int] | None]
) -> KeepingDependencies:
    """Wire the upkeep; `held` tells which shards are this relay's, None for all."""
    count_shards = remembered_shards(pool)

    async def list_shards() -> list[int]:
        shards = held()
        return list(range(await count_shards())) if shards is None else sorted(shards)

    return KeepingDependencies(
        retention=retention,
        list_shards=list_shards,
        count_shards=count_shards,
        read_positions=lambda shards: read_reader_positions(pool, shards=shards),
        read_standings=partial(read_reader_standings, pool),
        save_positions=partial(save_reader_positions, pool),
        read_groups=partial(read_groups, redis),
        create_groups=partial(create_groups, redis),
        read_streams=partial(read_streams, redis),
        raise_floors=partial(raise_floors, pool),
        trim_streams=partial(trim_streams, redis),
        record_trimming=partial(record_run, pool, "stream trimming"),
        archive_log=partial(archive_log, pool, days=retention.log_days),
        record_archiving=partial(record_run, pool, "log archiving"),
    )
