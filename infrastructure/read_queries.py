"""The find functions for agents and tasks: one statement each, so that answer and checkpoint are from one snapshot.

Reads the read models and their checkpoints, never writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from infrastructure.read_models import ReadModels, fetch_serving
from infrastructure.read_statements import (
    ONE_ROOT,
    Covers,
    FoundPage,
    FoundView,
    Listed,
    RowName,
    SortKey,
    covers_of,
    covers_sql,
    fetch_page,
    find_page,
    numbered,
    page_sql,
    time_and_id,
    time_and_id_key,
)
from infrastructure.read_versions import ReadVersion

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
    covers: Covers


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


_AGENTS: Final = Listed("agents", "agent_list", ("name", "agent_id"), "ASC")
_TASKS: Final = Listed("tasks", "task_list", ("submitted_at", "task_id"), "DESC")
_TIMELINE: Final = Listed("task_timeline", "task_timeline", ("generation",), "ASC")


async def find_agent_page(models: ReadModels, wanted: AgentFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the agents that follow a name and id, by name."""
    conditions, arguments = numbered([("workspace_id", wanted.workspace_id), ("status", wanted.status)], 2)
    if after is not None:
        conditions.append(f"(name, agent_id) > (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += [after[0], UUID(str(after[1]))]
    row, bodies = await find_page(models, _AGENTS, conditions, arguments, limit)
    last = (row["name"], str(row["agent_id"])) if len(bodies) > limit else None
    return FoundPage(bodies[:limit], last, covers_of(row))


async def find_task_page(models: ReadModels, wanted: TaskFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the tasks that are older than a time and id, newest first."""
    filters = [("workspace_id", wanted.workspace_id), ("state", wanted.state), ("agent_id", wanted.agent_id)]
    conditions, arguments = numbered([*filters, ("context_id", wanted.context_id)], 2)
    if after is not None:
        conditions.append(f"(submitted_at, task_id) < (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += time_and_id(after)
    row, bodies = await find_page(models, _TASKS, conditions, arguments, limit)
    if len(bodies) <= limit:
        return FoundPage(bodies, None, covers_of(row))
    return FoundPage(bodies[:limit], time_and_id_key(row["submitted_at"], row["task_id"]), covers_of(row))


@cache
def _timeline_sql(version: ReadVersion) -> str:
    """Return the statement of a page of a task's changes."""
    conditions = ("workspace_id = $3", "task_id = $4", "generation > $5")
    return page_sql(_TIMELINE, version, conditions, touching="workspace_id = $3 AND root_id = $4", shard="$2")


async def find_timeline_page(models: ReadModels, task: RowName, after: SortKey | None, limit: int) -> FoundPage | None:
    """Return the changes of a task that follow a generation, oldest first; None where there is no such task."""
    after_generation = int(after[0]) if after is not None else 0
    arguments = (*task, after_generation)
    row, bodies = await fetch_page(models, _TIMELINE.projection, _timeline_sql, arguments, limit)
    if not bodies and after is None:
        return None
    last = (row["generation"],) if len(bodies) > limit else None
    return FoundPage(bodies[:limit], last, covers_of(row))


@cache
def _agent_detail_sql(version: ReadVersion) -> str:
    """Return the statement of one agent; its body is null where there is no such agent."""
    return (
        f"SELECT c.*, d.body FROM {covers_sql(version, ONE_ROOT, '$1')} LEFT JOIN {version.schema}.agent_detail d"  # noqa: S608 - constants of this module
        " ON d.workspace_id = $2 AND d.agent_id = $3"
    )


async def find_agent_detail(models: ReadModels, agent: RowName) -> FoundView | None:
    """Return an agent of the workspace, or None."""
    row = await fetch_serving(models, "agents", _agent_detail_sql, *agent)
    return None if row["body"] is None else FoundView(row["body"], covers_of(row))


@cache
def _task_detail_sql(version: ReadVersion) -> str:
    """Return the statement of one task with its parts; its body is null where there is no such task."""
    schema = version.schema
    return f"""
SELECT c.*, d.body,
  ARRAY(SELECT m.body FROM {schema}.task_messages m WHERE m.task_id = d.task_id ORDER BY m.generation) AS messages,
  a.artifact_ids, a.appends, a.chunks
FROM {covers_sql(version, ONE_ROOT, "$1")}
LEFT JOIN {schema}.task_detail d ON d.workspace_id = $2 AND d.task_id = $3
CROSS JOIN LATERAL (
  SELECT array_agg(k.artifact_id ORDER BY k.generation) AS artifact_ids,
    array_agg(k.append ORDER BY k.generation) AS appends,
    array_agg(k.body ORDER BY k.generation) AS chunks
  FROM {schema}.task_artifact_chunks k WHERE k.task_id = d.task_id
) AS a
"""  # noqa: S608 - constants of this module


async def find_task_detail(models: ReadModels, task: RowName) -> FoundTask | None:
    """Return a task of the workspace with its messages and artifact chunks, or None."""
    row = await fetch_serving(models, "task_detail", _task_detail_sql, *task)
    if row["body"] is None:
        return None
    columns = [row[name] or () for name in ("artifact_ids", "appends", "chunks")]
    chunks = [ArtifactChunk(*values) for values in zip(*columns, strict=True)]
    return FoundTask(row["body"], row["messages"], chunks, covers_of(row))
