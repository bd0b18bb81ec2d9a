"""The find functions for what is added up over many tasks: usage figures, and how the tasks of a context stand.

Each row is one shard's part, of usage, or one task's. They are added up here, in one statement and one snapshot, so
that nothing depends on the order between shards and no two projectors ever write the same row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from infrastructure.read_models import ReadModels, fetch_serving
from infrastructure.read_statements import Covers, covers_of, covers_sql
from infrastructure.read_versions import ReadVersion

__all__ = ["FoundContext", "FoundSpend", "FoundUsage", "UsageFilter", "find_context", "find_usage"]


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Whose usage is added up; None means anybody's."""

    workspace_id: str
    agent_id: UUID | None = None
    context_id: str | None = None


class FoundSpend(NamedTuple):
    """What was reported for one model in one currency, over all tasks that were asked for."""

    model: str | None
    currency: str
    reports: int
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    tool_calls: int
    duration_ms: int
    cost: Decimal


class FoundUsage(NamedTuple):
    """The sums, by model and currency, and the number of tasks that reported anything."""

    tasks: int
    spent: Sequence[FoundSpend]
    covers: Covers


class FoundContext(NamedTuple):
    """How many tasks of a context there are in each state, and when the first and the last were submitted."""

    by_state: Mapping[str, int]
    first_submitted_at: datetime
    last_submitted_at: datetime
    covers: Covers


_COUNTED: Final = FoundSpend._fields[2:]
_SUMS: Final = ", ".join(f"sum({name}) AS {name}" for name in _COUNTED)
_ARRAYS: Final = ", ".join(
    f"array_agg(g.{name} ORDER BY g.model, g.currency) AS {name}" for name in ("tasks", *FoundSpend._fields)
)


def _usage_sql(version: ReadVersion, conditions: Sequence[str]) -> str:
    """Return the statement: one row with the positions, and an array for each sum."""
    return (
        f"SELECT c.*, a.* FROM {covers_sql(version, 'workspace_id = $1')}, LATERAL (SELECT {_ARRAYS} FROM ("  # noqa: S608 - constants of this module
        f"SELECT nullif(model, '') AS model, currency, sum(tasks) AS tasks, {_SUMS} FROM {version.schema}.usage_sums"
        f" WHERE {' AND '.join(conditions)} GROUP BY model, currency) AS g) AS a"
    )


def _rows_of(wanted: UsageFilter) -> tuple[list[str], list[object]]:
    """Return the conditions for the rows that hold what is wanted, and their arguments: never more than one kind.

    A context's are those of each of its agents; all others are there added up, in as many parts as there are shards.
    """
    if wanted.context_id is not None and wanted.agent_id is None:
        return ["workspace_id = $1", "context = $2", "agent <> ''"], [wanted.workspace_id, wanted.context_id]
    agent = "" if wanted.agent_id is None else str(wanted.agent_id)
    return (
        ["workspace_id = $1", "agent = $2", "context = $3"],
        [wanted.workspace_id, agent, wanted.context_id or ""],
    )


async def find_usage(models: ReadModels, wanted: UsageFilter) -> FoundUsage:
    """Return what the tasks of a workspace, an agent or a context used; nothing where there are none."""
    conditions, arguments = _rows_of(wanted)
    row = await fetch_serving(models, "usage", lambda version: _usage_sql(version, conditions), *arguments)
    columns = [row[name] or () for name in FoundSpend._fields]
    spent = [_spend(*values) for values in zip(*columns, strict=True)]
    return FoundUsage(int(sum(row["tasks"] or ())), spent, covers_of(row))


def _spend(model: str | None, currency: str, *sums: Decimal) -> FoundSpend:
    """Return the sums of a model and currency; only money has fractions."""
    reports, input_tokens, output_tokens, cached_input_tokens, tool_calls, duration_ms = map(int, sums[:-1])
    return FoundSpend(
        model,
        currency,
        reports,
        input_tokens,
        output_tokens,
        cached_input_tokens,
        tool_calls,
        duration_ms,
        cost=sums[-1],
    )


@cache
def _context_sql(version: ReadVersion) -> str:
    """Return the statement of one context; its states are null where it has no tasks."""
    return f"""
SELECT c.*, s.* FROM {covers_sql(version, "workspace_id = $1")}, LATERAL (
  SELECT array_agg(g.state ORDER BY g.state) AS states, array_agg(g.tasks ORDER BY g.state) AS counts,
    min(g.first_submitted_at) AS first_submitted_at, max(g.last_submitted_at) AS last_submitted_at
  FROM (
    SELECT t.state, count(*) AS tasks,
      min(t.submitted_at) AS first_submitted_at, max(t.submitted_at) AS last_submitted_at
    FROM {version.schema}.task_list t WHERE t.workspace_id = $1 AND t.context_id = $2 GROUP BY t.state
  ) AS g
) AS s
"""  # noqa: S608 - constants of this module


async def find_context(models: ReadModels, workspace_id: str, context_id: str) -> FoundContext | None:
    """Return how the tasks of a context stand; None where it has none."""
    row = await fetch_serving(models, "tasks", _context_sql, workspace_id, context_id)
    if row["states"] is None:
        return None
    by_state = dict(zip(row["states"], row["counts"], strict=True))
    return FoundContext(by_state, row["first_submitted_at"], row["last_submitted_at"], covers_of(row))
