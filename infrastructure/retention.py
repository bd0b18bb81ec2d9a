"""Retention of the log: partitions that nobody needs any more go to the archive, `log_archive.events`, whole.

The log's floors are raised first, in one transaction that looks who still needs what; then the partition is detached,
concurrently, so that no writer waits; then it is attached to the archive. Cut off anywhere, the next call goes on.
Detaching waits for every transaction that may have the partition in sight: meanwhile it is neither here nor there.
"""

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple

import asyncpg

from infrastructure.archiving import find_archiving
from infrastructure.postgres import Pool
from infrastructure.session_locks import LockedConnection as Connection
from infrastructure.session_locks import hold_lock
from infrastructure.stream_trimming import StreamBounds

__all__ = ["RESTORING", "Archived", "Connection", "archive_log", "hold_retention", "partition_bounds"]

_PARTITION_POSITIONS: Final = 1_000_000
"""As in `log.ensure_partitions`."""
_NAME: Final = re.compile(r"events_([0-9]{6})")

RESTORING: Final = "log restoring"
"""The job that gives the log its beginning back: for a day it stays there."""

_RESTORED: Final = """
SELECT format('the log was given its beginning back at %s', to_char(ran_at, 'YYYY-MM-DD HH24:MI')) FROM log.upkeep
WHERE job = $1 AND ran_at > clock_timestamp() - interval '1 day'
"""

_PARTITIONS: Final = """
SELECT c.relname AS name, i.inhparent IS NOT NULL AS is_attached, coalesce(i.inhdetachpending, false) AS is_pending
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relnamespace = 'log'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^events_[0-9]{6}$' ORDER BY c.relname
"""

_HELD_UP: Final = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, TimeoutError)


class Archived(NamedTuple):
    """How many partitions went to the archive, and what keeps the next one in the log."""

    partitions: int
    words: str


async def archive_log(pool: Pool, streams: Mapping[int, StreamBounds], *, days: int) -> Archived:
    """Archive every partition whose events are older than so many days and that nobody needs.

    `streams` are those that hold anything: they must have been carried further. Does nothing while another does it.
    """
    done = 0
    async with hold_retention(pool) as connection:
        if connection is None:
            return Archived(0, "")
        if words := await connection.fetchval(_RESTORED, RESTORING):
            return Archived(0, words)
        for name, is_attached, is_pending in await connection.fetch(_PARTITIONS):
            if is_attached and not is_pending:
                words = await _cut(connection, name, streams, days)
                if words:
                    return Archived(done, f"{name} stays: {words}")
            try:
                if is_attached:
                    how = "FINALIZE" if is_pending else "CONCURRENTLY"
                    await connection.execute(f'ALTER TABLE log.events DETACH PARTITION log."{name}" {how}')
                await _move(connection, name)
            except _HELD_UP:
                return Archived(done, await find_archiving(connection))
            done += 1
    return Archived(done, "")


def hold_retention(pool: Pool) -> AbstractAsyncContextManager[Connection | None]:
    """Give a connection to the one who gets the lock, None to others; a process that dies gives it back."""
    return hold_lock(pool, "bureau retention")


async def _cut(connection: Connection, name: str, streams: Mapping[int, StreamBounds], days: int) -> str:
    ends = [bounds.last.position for bounds in streams.values()]
    events = [bounds.last_event for bounds in streams.values()]
    _, after = partition_bounds(name)
    cut = "SELECT log.cut_log($1, $2, $3, $4, $5)"
    words: str = await connection.fetchval(cut, after - 1, days, list(streams), ends, events)
    return words


async def _move(connection: Connection, name: str) -> None:
    """Attach a detached partition to the archive; a constraint that detaching left proves its bounds without a scan."""
    start, after = partition_bounds(name)
    async with connection.transaction():
        await connection.execute(f'ALTER TABLE log."{name}" SET SCHEMA log_archive')
        await connection.execute(
            f'ALTER TABLE log_archive.events ATTACH PARTITION log_archive."{name}"'
            f" FOR VALUES FROM ({start}) TO ({after})"
        )


def partition_bounds(name: str) -> tuple[int, int]:
    """Return the first position of a partition and the first after it; raises ValueError for another table's name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(name)
    start = int(match[1]) * _PARTITION_POSITIONS
    return start, start + _PARTITION_POSITIONS
