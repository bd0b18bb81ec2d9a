"""The find functions for what is added up over many tasks: usage figures, and how the tasks of a context stand.

Each task's row is one root's part. They are added up here, in one statement and one snapshot, so that nothing depends
on the order between shards and no two projectors ever write the same row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from contracts.streams import Token
from infrastructure.read_models import ReadModels, fetch_serving
from infrastructure.read_statements import covers_of, covers_sql, numbered
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
    covers: Token | None


class FoundContext(NamedTuple):
    """How many tasks of a context there are in each state, and when the first and the last were submitted."""

    by_state: Mapping[str, int]
    first_submitted_at: datetime
    last_submitted_at: datetime
    covers: Token | None


_SUMMED: Final = tuple(name for name in FoundSpend._fields if name not in {"model", "currency"})
_SUMS: Final = ", ".join(f"sum({name})::{'numeric' if name == 'cost' else 'bigint'} AS {name}" for name in _SUMMED)
_SUM_ARRAYS: Final = ", ".join(
    f"array_agg(g.{name} ORDER BY g.model, g.currency) AS {name}" for name in FoundSpend._fields
)


def _usage_sql(version: ReadVersion, conditions: Sequence[str]) -> str:
    """Return the statement: one row with the positions, the number of tasks, and an array for each sum."""
    return (
        f"WITH spent AS (SELECT u.task_id, s.* FROM {version.schema}.task_usage u, jsonb_to_recordset("  # noqa: S608 - constants of this module
        "convert_from(u.body, 'UTF8')::jsonb -> 'spent') AS s(model text, currency text, reports bigint,"
        " input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, tool_calls bigint,"
        f" duration_ms bigint, cost numeric) WHERE {' AND '.join(conditions)})"
        f" SELECT c.*, (SELECT count(DISTINCT task_id) FROM spent) AS tasks, a.* FROM {covers_sql(version)},"
        f" LATERAL (SELECT {_SUM_ARRAYS} FROM (SELECT model, currency, {_SUMS} FROM spent GROUP BY model, currency)"
        " AS g) AS a"
    )


async def find_usage(models: ReadModels, wanted: UsageFilter) -> FoundUsage:
    """Return what the tasks of a workspace, an agent or a context used; nothing where there are none."""
    filters = [("workspace_id", wanted.workspace_id), ("agent_id", wanted.agent_id), ("context_id", wanted.context_id)]
    conditions, arguments = numbered(filters, 1)
    row = await fetch_serving(models, "usage", lambda version: _usage_sql(version, conditions), *arguments)
    columns = [row[name] or () for name in FoundSpend._fields]
    spent = [FoundSpend(*values) for values in zip(*columns, strict=True)]
    return FoundUsage(row["tasks"], spent, covers_of(row))


@cache
def _context_sql(version: ReadVersion) -> str:
    """Return the statement of one context; its states are null where it has no tasks."""
    return f"""
SELECT c.*, s.* FROM {covers_sql(version)}, LATERAL (
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
