"""How the service does: every process, and how far each shard has come on its way along the line.

What counts as lag: the log's heads are read first, then streams and checkpoints get a moment to pass them. So a busy
service that carries everything at once shows none, and a standing one shows exactly what is missing.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Literal

import httpx2
from pydantic import ValidationError

from bureau.local.reasons import reason_of
from bureau.local.section import Section
from bureau.local.sections import read_sections
from contracts.record import Record
from contracts.streams import EntryId
from infrastructure.event_log import read_heads
from infrastructure.line_positions import read_checkpoints, read_stream_heads
from infrastructure.postgres import Pool, open_pool
from infrastructure.redis_client import RedisClient, is_redis_error, open_redis
from infrastructure.web.health import Readiness
from projectors.projections import PROJECTIONS

__all__ = ["LineStatus", "ProcessStatus", "ShardStatus", "read_line_status", "read_shards"]

_PAUSE_SECONDS = 0.05


class ProcessStatus(Record):
    """One process as its /ready describes it; `latency_ms` of the answer, None where none came."""

    name: str
    address: str
    state: Literal["ready", "unready", "unreachable"]
    latency_ms: float | None
    reason: str | None


class ShardStatus(Record):
    """One shard's positions; a lag is a number of events. `checkpoints` and `checkpoint_lag` are by projection.

    A projection that never began is at position 0.
    The stream's are None where Redis is out of reach.
    """

    shard: int
    epoch: int
    log: int
    stream: int | None
    stream_lag: int | None
    checkpoints: dict[str, int]
    checkpoint_lag: dict[str, int]

    @property
    def lag(self) -> int:
        """The longest way that something of this shard has still to go, in events."""
        return max(self.stream_lag or 0, *self.checkpoint_lag.values(), 0)


class LineStatus(Record):
    """The whole; `problems` has a sentence for each thing that is not well, none when healthy."""

    is_healthy: bool
    problems: tuple[str, ...]
    processes: tuple[ProcessStatus, ...]
    shards: tuple[ShardStatus, ...]
    sections: tuple[Section, ...] = ()


async def read_line_status(
    database_url: str, redis_url: str, processes: Mapping[str, str], *, patience_seconds: float
) -> LineStatus:
    """Return the status; what cannot be reached is a problem, not an error."""
    states = await asyncio.gather(*(_read_process(name, address) for name, address in processes.items()))
    shards, sections, problems = await _look_at_line(database_url, redis_url, patience_seconds)
    lagging = [f"shard {shard.shard} lags by {shard.lag}" for shard in shards if shard.lag]
    broken = [f"{state.name} is {state.state}: {state.reason}" for state in states if state.state != "ready"]
    found = [problem for section in sections for problem in section.problems]
    every = (*broken, *problems, *lagging, *found)
    return LineStatus(
        is_healthy=not every,
        problems=every,
        processes=tuple(states),
        shards=tuple(shards),
        sections=tuple(sections),
    )


async def _read_process(name: str, address: str) -> ProcessStatus:
    started = time.monotonic()
    try:
        async with httpx2.AsyncClient(timeout=5.0) as client:
            answer = await client.get(f"{address}/ready")
    except httpx2.HTTPError as error:
        words = str(error) or type(error).__name__
        return ProcessStatus(name=name, address=address, state="unreachable", latency_ms=None, reason=words)
    latency = round((time.monotonic() - started) * 1000, 1)
    try:
        readiness = Readiness.model_validate_json(answer.content)
    except ValidationError:
        strange = f"{answer.status_code} from something that is no process of Bureau"
        return ProcessStatus(name=name, address=address, state="unready", latency_ms=latency, reason=strange)
    down = [f"{key} ({each.error})" for key, each in readiness.dependencies.items() if each.state != "up"]
    reason = f"down: {', '.join(down)}" if down else None
    return ProcessStatus(name=name, address=address, state=readiness.status, latency_ms=latency, reason=reason)


async def _look_at_line(
    database_url: str, redis_url: str, patience_seconds: float
) -> tuple[list[ShardStatus], list[Section], tuple[str, ...]]:
    pool = await open_pool(database_url, size=1, application_name="bureau status")
    redis = open_redis(redis_url)
    try:
        shards, problems = await _read_what_is_known(pool, redis, patience_seconds)
        return shards, await read_sections(pool, redis), problems
    except Exception as error:  # noqa: BLE001 - whatever it is, it is why the line cannot be looked at
        return [], [], (f"the line cannot be read: {reason_of(error)}",)
    finally:
        await redis.aclose()
        await pool.close()


async def _read_what_is_known(
    pool: Pool, redis: RedisClient, patience_seconds: float
) -> tuple[list[ShardStatus], tuple[str, ...]]:
    """Return every shard's status; without Redis what the database knows, and that the streams cannot be read."""
    try:
        return await read_shards(pool, redis, patience_seconds=patience_seconds), ()
    except Exception as error:
        if not is_redis_error(error):
            raise
        shards = await _compare(pool, None, await read_heads(pool))
        return shards, (f"the streams cannot be read: {reason_of(error)}",)


async def read_shards(pool: Pool, redis: RedisClient, *, patience_seconds: float) -> list[ShardStatus]:
    """Return every shard's status, at once when nothing lags, after the patience otherwise."""
    heads = await read_heads(pool)
    deadline = time.monotonic() + patience_seconds
    while True:
        shards = await _compare(pool, redis, heads)
        if not any(shard.lag for shard in shards) or time.monotonic() > deadline:
            return shards
        await asyncio.sleep(_PAUSE_SECONDS)


async def _compare(pool: Pool, redis: RedisClient | None, heads: Mapping[int, EntryId]) -> list[ShardStatus]:
    streams = {} if redis is None else await read_stream_heads(redis, sorted(heads))
    checkpoints = await read_checkpoints(pool)
    projections = sorted({each.projection for each in checkpoints} | {each.name for each in PROJECTIONS})
    reached = {(each.projection, each.shard): each.entry.position for each in checkpoints}
    return [
        _shard_status(
            shard, heads[shard], streams.get(shard), {name: reached.get((name, shard), 0) for name in projections}
        )
        for shard in sorted(heads)
    ]


def _shard_status(shard: int, head: EntryId, stream: EntryId | None, checkpoints: dict[str, int]) -> ShardStatus:
    return ShardStatus(
        shard=shard,
        epoch=head.epoch,
        log=head.position,
        stream=None if stream is None else stream.position,
        stream_lag=None if stream is None else _stream_lag(head, stream),
        checkpoints=checkpoints,
        checkpoint_lag={name: max(0, head.position - position) for name, position in checkpoints.items()},
    )


def _stream_lag(head: EntryId, stream: EntryId) -> int:
    """Return how many events the stream lacks; one at least where it ends in an epoch before that of the last event."""
    is_of_old = head.position > 0 and stream.epoch < head.epoch
    return max(1 if is_of_old else 0, head.position - stream.position)
