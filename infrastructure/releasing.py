"""Releasing parked events: their effect is saved and they are gone in one transaction, which holds the checkpoint row.

The checkpoint stays where it is but gets another `parked_revision`, so that whoever believes the root parked, or
releases the same events, is refused by the fence. Committed durably: somebody is told that it is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from contracts.streams import EntryId
from infrastructure.event_log import LogRow
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from infrastructure.read_store import SaveMode, TableRows, table_arguments, table_parts
from infrastructure.read_versions import ReadVersion

__all__ = [
    "Hold",
    "ParkedRow",
    "PendingRequest",
    "Release",
    "read_parked_events",
    "read_pending_requests",
    "save_release",
]


class PendingRequest(NamedTuple):
    """What somebody asked for and nobody has done; to skip the event at `position`, None where none such waited.

    `is_skipped`: this request has left that event out already, in a step before.
    """

    request_id: UUID
    shard: int
    root_id: UUID
    action: str
    position: int | None
    is_skipped: bool


class ParkedRow(NamedTuple):
    """A parked event: its row of the log as it was."""

    row: LogRow
    workspace_id: str


class Hold(NamedTuple):
    """The fence: where the shard's checkpoint stands, and the revision of its parked roots."""

    checkpoint: EntryId
    revision: UUID | None


@dataclass(frozen=True, slots=True)
class Release:
    """What becomes of a root in one step: its parked events up to `until` are gone, what was asked for may be finished.

    `is_last` says that none is left; `applied` how many took effect. `outcome` ends the request, None leaves it open.
    `error` says why the event at `failed_position` failed, or why the request was refused. `is_skipped`: what is
    gone is the event that the request wanted left out.
    """

    request: PendingRequest
    hold: Hold
    until: int = 0
    is_last: bool = False
    applied: int = 0
    outcome: str | None = None
    error: str | None = None
    failed_position: int | None = None
    is_skipped: bool = False


async def read_pending_requests(pool: Pool, version: ReadVersion) -> list[PendingRequest]:
    """Return what was asked of a projection and is not done, oldest first."""
    rows = await pool.fetch(
        "SELECT request_id, shard, root_id, action, position, left_out FROM read.parked_requests"
        " WHERE projection = $1 AND version = $2 AND finished_at IS NULL ORDER BY requested_at, request_id",
        *version,
    )
    return [PendingRequest(*row) for row in rows]


async def read_parked_events(pool: Pool, version: ReadVersion, request: PendingRequest, limit: int) -> list[ParkedRow]:
    """Return the first parked events of a root, in order."""
    rows = await pool.fetch(
        "SELECT shard, position, epoch, event_id, root_id, event_type, envelope, aggregate_id, generation, workspace_id"
        " FROM read.parked_events WHERE projection = $1 AND version = $2 AND shard = $3 AND root_id = $4"
        " ORDER BY position LIMIT $5",
        *version,
        request.shard,
        request.root_id,
        limit,
    )
    return [ParkedRow(LogRow(*row[:-1]), row[-1]) for row in map(tuple, rows)]


_RELEASE: Final = """
WITH moved AS MATERIALIZED (
  SELECT c.shard FROM read.checkpoints c
  WHERE c.projection = $1 AND c.version = $2 AND c.shard = $3 AND c.epoch = $4 AND c.position = $5
    AND c.parked_revision IS NOT DISTINCT FROM $6
  FOR UPDATE OF c
), revised AS (
  UPDATE read.checkpoints c SET parked_revision = $7 FROM moved m
  WHERE c.projection = $1 AND c.version = $2 AND c.shard = m.shard
), events AS (
  DELETE FROM read.parked_events e USING moved m
  WHERE e.projection = $1 AND e.version = $2 AND e.shard = m.shard AND e.root_id = $8 AND e.position <= $9
), gone AS (
  DELETE FROM read.parked_roots r USING moved m
  WHERE r.projection = $1 AND r.version = $2 AND r.shard = m.shard AND r.root_id = $8 AND $10
), left_over AS (
  UPDATE read.parked_roots r
  SET failed_position = coalesce($15::bigint, r.failed_position),
    error = CASE WHEN $13::text = 'failed_again' THEN $14::text ELSE r.error END,
    attempts = r.attempts + ($13::text IS NOT DISTINCT FROM 'failed_again')::integer,
    failed_at = CASE WHEN $13::text = 'failed_again' THEN clock_timestamp() ELSE r.failed_at END
  FROM moved m
  WHERE r.projection = $1 AND r.version = $2 AND r.shard = m.shard AND r.root_id = $8 AND NOT $10
), asked AS (
  UPDATE read.parked_requests q
  SET applied = q.applied + $12, left_out = q.left_out OR $16, outcome = $13::text, error = $14::text,
    finished_at = CASE WHEN $13::text IS NULL THEN NULL ELSE clock_timestamp() END
  FROM moved m WHERE q.request_id = $11
)
"""
_FIRST_TABLE_PARAMETER: Final = 17


@cache
def _release_statement(schema: str, tables: tuple[tuple[str, SaveMode], ...]) -> str:
    """Return the statement that holds the checkpoint, writes tables and lets parked events go."""
    parts, _ = table_parts(schema, tables, _FIRST_TABLE_PARAMETER)
    return f"{_RELEASE}{parts} SELECT shard FROM moved"  # noqa: S608 - names of our own tables


async def save_release(pool: Pool, version: ReadVersion, release: Release, tables: Sequence[TableRows]) -> UUID | None:
    """Write rows and let parked events go, all or nothing.

    Returns the new revision of the shard's parked roots, None where checkpoint or revision were others than held.
    """
    request, hold, revision = release.request, release.hold, new_id()
    written = [table for table in tables if table.rows]
    statement = _release_statement(version.schema, tuple((table.table, table.mode) for table in written))
    arguments = [
        request.shard,
        *hold.checkpoint,
        hold.revision,
        revision,
        request.root_id,
        release.until,
        release.is_last,
        request.request_id,
        release.applied,
        release.outcome,
        release.error,
        release.failed_position,
        release.is_skipped,
        *table_arguments(written),
    ]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = on")
        return revision if await connection.fetch(statement, *version, *arguments) else None
