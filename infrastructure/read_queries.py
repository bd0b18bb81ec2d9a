"""The find functions for agents and tasks: one statement each, so that answer and checkpoint are from one snapshot.

Reads the read models and their checkpoints, never writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from contracts.streams import Token
from infrastructure.postgres import Pool
from infrastructure.read_statements import (
    FoundPage,
    FoundView,
    RowName,
    SortKey,
    covers_of,
    covers_sql,
    find_page,
    numbered,
    page_sql,
    time_and_id,
    time_and_id_key,
)

__all__ = [
    "AgentFilter",
    "ArtifactChunk",
    "FoundTask",
    "TaskFilter",
    "find_agent_detail",
    "find_agent_page",
    "find_task_detail",
    "find_task_page",
    "find_timeline_page",
]


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


async def find_agent_page(pool: Pool, wanted: AgentFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the agents that follow a name and id, by name."""
    conditions, arguments = numbered([("workspace_id", wanted.workspace_id), ("status", wanted.status)], 2)
    if after is not None:
        conditions.append(f"(name, agent_id) > (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += [after[0], UUID(str(after[1]))]
    sql = page_sql("agent_list", covers_sql("agents"), conditions, ("name", "agent_id"), "ASC")
    row, bodies = await find_page(pool, sql, arguments, limit)
    last = (row["name"], str(row["agent_id"])) if len(bodies) > limit else None
    return FoundPage(bodies[:limit], last, covers_of(row))


async def find_task_page(pool: Pool, wanted: TaskFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the tasks that are older than a time and id, newest first."""
    filters = [("workspace_id", wanted.workspace_id), ("state", wanted.state), ("agent_id", wanted.agent_id)]
    conditions, arguments = numbered([*filters, ("context_id", wanted.context_id)], 2)
    if after is not None:
        conditions.append(f"(submitted_at, task_id) < (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += time_and_id(after)
    sql = page_sql("task_list", covers_sql("tasks"), conditions, ("submitted_at", "task_id"), "DESC")
    row, bodies = await find_page(pool, sql, arguments, limit)
    if len(bodies) <= limit:
        return FoundPage(bodies, None, covers_of(row))
    return FoundPage(bodies[:limit], time_and_id_key(row["submitted_at"], row["task_id"]), covers_of(row))


_TIMELINE: Final = page_sql(
    "task_timeline",
    covers_sql("task_timeline", "$2"),
    ("workspace_id = $3", "task_id = $4", "generation > $5"),
    ("generation",),
    "ASC",
)


async def find_timeline_page(pool: Pool, task: RowName, after: SortKey | None, limit: int) -> FoundPage | None:
    """Return the changes of a task that follow a generation, oldest first; None where there is no such task."""
    after_generation = int(after[0]) if after is not None else 0
    row, bodies = await find_page(pool, _TIMELINE, (*task, after_generation), limit)
    if not bodies and after is None:
        return None
    last = (row["generation"],) if len(bodies) > limit else None
    return FoundPage(bodies[:limit], last, covers_of(row))


_AGENT_DETAIL: Final = f"""
SELECT c.*, d.body FROM {covers_sql("agents", "$1")}, read.agent_detail d WHERE d.workspace_id = $2 AND d.agent_id = $3
"""  # noqa: S608 - constants of this module


async def find_agent_detail(pool: Pool, agent: RowName) -> FoundView | None:
    """Return an agent of the workspace, or None."""
    row = await pool.fetchrow(_AGENT_DETAIL, *agent)
    return None if row is None else FoundView(row["body"], covers_of(row))


_TASK_DETAIL: Final = f"""
SELECT c.*, d.body,
  ARRAY(SELECT m.body FROM read.task_messages m WHERE m.task_id = d.task_id ORDER BY m.generation) AS messages,
  a.artifact_ids, a.appends, a.chunks
FROM {covers_sql("task_detail", "$1")}, read.task_detail d, LATERAL (
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
    return FoundTask(row["body"], row["messages"], chunks, covers_of(row))
