"""When each job of upkeep ran last and what it did: for `bureau status`, and for retention after a restoring."""

from datetime import datetime
from typing import Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from infrastructure.postgres import Pool

__all__ = ["UpkeepRun", "read_runs", "record_run"]


class UpkeepRun(NamedTuple):
    """One job's record; `done` and `done_at` are of the last run that found something, `total` of all runs.

    `words` says what keeps it from doing more, empty where nothing does.
    """

    job: str
    ran_at: datetime
    done: int
    done_at: datetime | None
    total: int
    words: str
    seconds: float
    """Since it ran, by the database's clock."""


_RECORD: Final = """
INSERT INTO log.upkeep AS u (job, done, done_at, total, words)
VALUES ($1, $2::bigint, CASE WHEN $2 > 0 THEN clock_timestamp() END, $2, $3)
ON CONFLICT (job) DO UPDATE SET ran_at = clock_timestamp(), words = excluded.words, total = u.total + excluded.total,
  done = CASE WHEN excluded.done > 0 THEN excluded.done ELSE u.done END,
  done_at = coalesce(excluded.done_at, u.done_at)
"""


async def record_run(
    queries: "Pool | PoolConnectionProxy[asyncpg.Record]", job: str, done: int, words: str = ""
) -> None:
    """Note that a job ran, how much it did, and what it says."""
    await queries.execute(_RECORD, job, done, words)


async def read_runs(pool: Pool) -> list[UpkeepRun]:
    """Return the jobs that ever ran, by name."""
    rows = await pool.fetch(
        "SELECT job, ran_at, done, done_at, total, words, extract(epoch FROM clock_timestamp() - ran_at)::float8"
        " FROM log.upkeep ORDER BY job"
    )
    return [UpkeepRun(*row) for row in rows]
