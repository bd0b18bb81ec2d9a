"""The way back from the archive: all partitions of the log's beginning at once, so that it begins at position 1 again.

For whoever compares or reads the whole log; a rebuild reads the archive where it is. Retention waits a day before it
takes it out of the way again.
"""

from typing import Final, NamedTuple

from infrastructure.archiving import explain_missing
from infrastructure.postgres import Pool
from infrastructure.retention import RESTORING, Connection, hold_retention, partition_bounds
from infrastructure.upkeep import record_run

__all__ = ["ArchivedPartition", "HistoryLostError", "read_archive", "restore_log"]

_ARCHIVED: Final = """
SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'log_archive.events'::regclass ORDER BY c.relname
"""


class HistoryLostError(Exception):
    """The archive lacks a partition, or is being written: the message says which or why."""


class ArchivedPartition(NamedTuple):
    """One partition: the first position of every shard in it, the first after it, and its size."""

    name: str
    start: int
    after: int
    size_bytes: int


async def read_archive(pool: Pool) -> list[ArchivedPartition]:
    """Return the partitions of the archive, oldest first."""
    rows = await pool.fetch(_ARCHIVED)
    return [ArchivedPartition(name, *partition_bounds(name), size) for name, size in rows]


async def restore_log(pool: Pool) -> int:
    """Give the log its beginning back and return how many partitions came back; raises HistoryLostError.

    All or nothing, in one transaction. Commands go on.
    """
    async with hold_retention(pool) as connection:
        if connection is None:
            message = "the relay is archiving just now: try again"
            raise HistoryLostError(message)
        partitions = await read_archive(pool)
        await _require_whole_history(connection, partitions)
        async with connection.transaction():
            for partition in partitions:
                await _attach(connection, partition)
            if partitions:
                await connection.execute("UPDATE log.floors SET position = 0, epoch = 1, event_id = NULL")
            await record_run(connection, RESTORING, len(partitions))  # with it: retention is told, or nothing was done
    return len(partitions)


async def _require_whole_history(connection: Connection, partitions: list[ArchivedPartition]) -> None:
    """Raise where a partition between position 1 and the log's own beginning is not in the archive."""
    floor: int = await connection.fetchval("SELECT max(position) FROM log.floors")
    expected = 0
    for partition in partitions:
        if partition.start != expected:
            break
        expected = partition.after
    if expected < floor:
        message = f"positions {expected + 1} to {floor} are neither in the log nor in the archive"
        raise HistoryLostError(await explain_missing(connection, message))


async def _attach(connection: Connection, partition: ArchivedPartition) -> None:
    """Move a partition back; the constraint that it was detached with proves its bounds without a scan."""
    name, start, after, _ = partition
    await connection.execute(f'ALTER TABLE log_archive.events DETACH PARTITION log_archive."{name}"')
    await connection.execute(f'ALTER TABLE log_archive."{name}" SET SCHEMA log')
    await connection.execute(
        f'ALTER TABLE log.events ATTACH PARTITION log."{name}" FOR VALUES FROM ({start}) TO ({after})'
    )
