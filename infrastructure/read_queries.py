"""The find functions of the query side: one statement each, so that answer and checkpoint come from one snapshot.

Reads the read models and their checkpoints, never writes. Bodies are finished JSON and are not parsed. Pages are
read by keyset, one row further than asked, never by OFFSET.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from contracts.streams import Token
from infrastructure.postgres import Pool

__all__ = [
    "AgentFilter",
    "ArtifactChunk",
    "FoundPage",
    "FoundTask",
    "FoundView",
    "RowName",
    "SortKey",
    "TaskFilter",
    "find_agent_detail",
    "find_agent_page",
    "find_task_detail",
    "find_task_page",
    "find_timeline_page",
]

type SortKey = tuple[str | int, ...]
"""The sort columns of a row in a form that JSON keeps: text, or whole microseconds since 1970, or a generation."""

_UNIX_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class RowName(NamedTuple):
    """What names a row of one root: its shard, the workspace that asks, its id."""

    shard: int
    workspace_id: str
    row_id: UUID


class FoundView(NamedTuple):
    """A finished body and how far its projection had come; None where it has not begun."""

    body: bytes
    covers: Token | None


class ArtifactChunk(NamedTuple):
    """One chunk of an artifact, `body` being an Artifact as JSON; without `append` it begins the artifact anew."""

    artifact_id: str
    append: bool
    body: bytes


class FoundTask(NamedTuple):
    """A task's parts, each oldest first."""

    body: bytes
    messages: Sequence[bytes]
    chunks: Sequence[ArtifactChunk]
    covers: Token | None


class FoundPage(NamedTuple):
    """A page's bodies in order; `last` is the sort key of its last row where more rows follow, else None."""

    bodies: Sequence[bytes]
    last: SortKey | None
    covers: Token | None


@dataclass(frozen=True, slots=True)
class AgentFilter:
    """Which agents a list shows; None means any."""

    workspace_id: str
    status: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks a list shows; None means any."""

    workspace_id: str
    state: str | None = None
    agent_id: UUID | None = None
    context_id: str | None = None


def _covers_sql(projection: str, shard: str = "") -> str:
    """Return the subquery for the positions of a projection, of all its shards or of the one named."""
    condition = f" AND shard = {shard}" if shard else ""
    return (
        "(SELECT max(epoch) AS epoch, array_agg(shard) AS shards, array_agg(position) AS positions"  # noqa: S608 - constants
        f" FROM read.checkpoints WHERE projection = '{projection}' AND version = 1{condition}) AS c"
    )


def _covers(row: asyncpg.Record) -> Token | None:
    """Return the token that a row's checkpoint columns say."""
    if row["epoch"] is None:
        return None
    return Token(row["epoch"], dict(zip(row["shards"], row["positions"], strict=True)))


def _page_sql(table: str, covers: str, conditions: Sequence[str], order: Sequence[str], direction: str) -> str:
    """Return the statement of a page: $1 is the limit and one more; one row with all bodies and the last key."""
    ordered = ", ".join(f"{column} {direction}" for column in order)
    keys = ", ".join(f"(array_agg({column} ORDER BY {ordered}))[$1 - 1] AS {column}" for column in order)
    return (
        f"SELECT c.*, p.* FROM {covers}, LATERAL ("  # noqa: S608 - constants of this module
        f" SELECT array_agg(body ORDER BY {ordered}) AS bodies, {keys}"
        f" FROM (SELECT body, {', '.join(order)} FROM read.{table} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {ordered} LIMIT $1) AS r) AS p"
    )


async def _find_page(
    pool: Pool, sql: str, arguments: Sequence[object], limit: int
) -> tuple[asyncpg.Record, list[bytes]]:
    """Return the row of a page statement and its bodies, which may be one more than the limit."""
    row = await pool.fetchrow(sql, limit + 1, *arguments)
    assert row is not None  # noqa: S101 - aggregates without GROUP BY always answer one row
    return row, row["bodies"] or []


def _numbered(filters: Sequence[tuple[str, object]], first: int) -> tuple[list[str], list[object]]:
    """Return conditions with numbered placeholders, and their arguments, for the filters that are given."""
    given = [(column, value) for column, value in filters if value is not None]
    return [f"{column} = ${first + n}" for n, (column, _) in enumerate(given)], [value for _, value in given]


async def find_agent_page(pool: Pool, wanted: AgentFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the agents that follow a name and id, by name."""
    conditions, arguments = _numbered([("workspace_id", wanted.workspace_id), ("status", wanted.status)], 2)
    if after is not None:
        conditions.append(f"(name, agent_id) > (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += [after[0], UUID(str(after[1]))]
    sql = _page_sql("agent_list", _covers_sql("agents"), conditions, ("name", "agent_id"), "ASC")
    row, bodies = await _find_page(pool, sql, arguments, limit)
    last = (row["name"], str(row["agent_id"])) if len(bodies) > limit else None
    return FoundPage(bodies[:limit], last, _covers(row))


async def find_task_page(pool: Pool, wanted: TaskFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the tasks that are older than a time and id, newest first."""
    filters = [("workspace_id", wanted.workspace_id), ("state", wanted.state), ("agent_id", wanted.agent_id)]
    conditions, arguments = _numbered([*filters, ("context_id", wanted.context_id)], 2)
    if after is not None:
        conditions.append(f"(submitted_at, task_id) < (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += [_UNIX_START + int(after[0]) * _MICROSECOND, UUID(str(after[1]))]
    sql = _page_sql("task_list", _covers_sql("tasks"), conditions, ("submitted_at", "task_id"), "DESC")
    row, bodies = await _find_page(pool, sql, arguments, limit)
    if len(bodies) <= limit:
        return FoundPage(bodies, None, _covers(row))
    last = ((row["submitted_at"] - _UNIX_START) // _MICROSECOND, str(row["task_id"]))
    return FoundPage(bodies[:limit], last, _covers(row))


_TIMELINE: Final = _page_sql(
    "task_timeline",
    _covers_sql("task_timeline", "$2"),
    ("workspace_id = $3", "task_id = $4", "generation > $5"),
    ("generation",),
    "ASC",
)


async def find_timeline_page(pool: Pool, task: RowName, after: SortKey | None, limit: int) -> FoundPage | None:
    """Return the changes of a task that follow a generation, oldest first; None where there is no such task."""
    after_generation = int(after[0]) if after is not None else 0
    row, bodies = await _find_page(pool, _TIMELINE, (*task, after_generation), limit)
    if not bodies and after is None:
        return None
    last = (row["generation"],) if len(bodies) > limit else None
    return FoundPage(bodies[:limit], last, _covers(row))


_AGENT_DETAIL: Final = f"""
SELECT c.*, d.body FROM {_covers_sql("agents", "$1")}, read.agent_detail d WHERE d.workspace_id = $2 AND d.agent_id = $3
"""  # noqa: S608 - constants of this module


async def find_agent_detail(pool: Pool, agent: RowName) -> FoundView | None:
    """Return an agent of the workspace, or None."""
    row = await pool.fetchrow(_AGENT_DETAIL, *agent)
    return None if row is None else FoundView(row["body"], _covers(row))


_TASK_DETAIL: Final = f"""
SELECT c.*, d.body,
  ARRAY(SELECT m.body FROM read.task_messages m WHERE m.task_id = d.task_id ORDER BY m.generation) AS messages,
  a.artifact_ids, a.appends, a.chunks
FROM {_covers_sql("task_detail", "$1")}, read.task_detail d, LATERAL (
  SELECT array_agg(k.artifact_id ORDER BY k.generation) AS artifact_ids,
    array_agg(k.append ORDER BY k.generation) AS appends,
    array_agg(k.body ORDER BY k.generation) AS chunks
  FROM read.task_artifact_chunks k WHERE k.task_id = d.task_id
) AS a
WHERE d.workspace_id = $2 AND d.task_id = $3
"""  # noqa: S608 - constants of this module


async def find_task_detail(pool: Pool, task: RowName) -> FoundTask | None:
    """Return a task of the workspace with its messages and artifact chunks, or None."""
    row = await pool.fetchrow(_TASK_DETAIL, *task)
    if row is None:
        return None
    columns = [row[name] or () for name in ("artifact_ids", "appends", "chunks")]
    chunks = [ArtifactChunk(*values) for values in zip(*columns, strict=True)]
    return FoundTask(row["body"], row["messages"], chunks, _covers(row))
