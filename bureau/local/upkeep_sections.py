"""What `bureau status` says of upkeep: the streams and their readers, and when each job ran last."""

from itertools import groupby
from typing import Final

from bureau.local.relay_sections import read_stream_limit
from bureau.local.section import Section
from infrastructure.event_log import count_shards
from infrastructure.postgres import Pool
from infrastructure.readers import ReaderStanding, read_reader_standings
from infrastructure.redis_client import RedisClient
from infrastructure.settings import Settings
from infrastructure.stream_trimming import WARNING_SHARE, read_floors, read_streams
from infrastructure.upkeep import UpkeepRun, read_runs

__all__ = ["read_readers_section", "read_streams_section", "read_upkeep_section"]

_LATE_SECONDS: Final = 600
"""After so long without a run a job is late: each looks every minute at least."""
_REGULAR: Final = {"stream trimming": "the relay's log", "receipts": "the log of the command API"}
"""The jobs that run as long as the service does, and where the reason stands when one does not."""


async def read_streams_section(pool: Pool, redis: RedisClient) -> Section:
    """Return how much the streams hold, and how far they were trimmed."""
    streams = await read_streams(redis, range(await count_shards(pool)))
    trimmed = sum(floor.entry.position for floor in await read_floors(pool))
    held = [bounds.length for bounds in streams.values()]
    row: dict[str, str | int | float | None] = {
        "streams": len(streams),
        "entries": sum(held),
        "longest": max(held, default=0),
        "trimmed": trimmed,
    }
    return Section(name="streams", title="Streams", rows=(row,))


async def read_readers_section(pool: Pool, _redis: RedisClient) -> Section:
    """Return every registered reader; one that will miss events, or has missed some, is a problem."""
    standings = await read_reader_standings(pool)
    readers = [(name, list(rows)) for name, rows in groupby(standings, key=lambda row: row.key.reader)]
    limit = await read_stream_limit(pool) or Settings().stream_limit  # the shell's own, where no relay is there to say
    return Section(
        name="readers",
        title="Readers of the streams",
        rows=tuple(_reader_row(name, rows) for name, rows in readers),
        problems=tuple(words for name, rows in readers for words in _reader_problems(name, rows, limit)),
    )


async def read_upkeep_section(pool: Pool, _redis: RedisClient) -> Section:
    """Return when each job of upkeep ran last, what it did, what keeps it from doing more; late ones are noted."""
    runs = await read_runs(pool)
    late = [run for run in runs if run.job in _REGULAR and run.seconds > _LATE_SECONDS]
    return Section(
        name="upkeep",
        title="Upkeep",
        rows=tuple(_run_row(run) for run in runs),
        notes=tuple(f"{run.job} ran last {run.seconds / 60:.0f} minutes ago: see {_REGULAR[run.job]}" for run in late),
    )


def _reader_row(name: str, rows: list[ReaderStanding]) -> dict[str, str | int | float | None]:
    return {
        "reader": name,
        "behind": sum(row.lag for row in rows),
        "at_most_on_a_shard": max(row.lag for row in rows),
        "missed": sum(row.missed for row in rows),
        "moved_seconds_ago": round(min(row.seconds for row in rows)),
    }


def _reader_problems(name: str, rows: list[ReaderStanding], limit: int) -> list[str]:
    remedy = f"start it, or `bureau readers remove {name}`"
    worst = max(rows, key=lambda row: row.lag)
    late = f"reader {name} is {worst.lag} events behind on shard {worst.key.shard}, of {limit} that are kept: {remedy}"
    missed = sum(row.missed for row in rows)
    lost = f"reader {name} was too far behind: {missed} events were trimmed before it had them (docs/integrations.md)"
    return ([late] if worst.lag > WARNING_SHARE * limit else []) + ([lost] if missed else [])


def _run_row(run: UpkeepRun) -> dict[str, str | int | float | None]:
    return {
        "job": run.job,
        "ran": f"{run.ran_at:%Y-%m-%d %H:%M:%S}",
        "did": run.done,
        "at": f"{run.done_at:%Y-%m-%d %H:%M:%S}" if run.done_at else "",
        "altogether": run.total,
        "says": run.words,
    }
