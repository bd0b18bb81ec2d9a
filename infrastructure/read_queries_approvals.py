"""The find functions for approvals and budgets: one statement each. Reads read models and checkpoints, never writes."""

from dataclasses import dataclass
from functools import cache
from typing import Final
from uuid import UUID

from infrastructure.read_models import ReadModels, fetch_serving
from infrastructure.read_statements import (
    ONE_ROOT,
    FoundPage,
    FoundView,
    Listed,
    RowName,
    SortKey,
    covers_of,
    covers_sql,
    find_page,
    numbered,
    time_and_id,
    time_and_id_key,
)
from infrastructure.read_versions import ReadVersion

__all__ = [
    "ApprovalFilter",
    "BudgetFilter",
    "find_approval_detail",
    "find_approval_page",
    "find_budget",
    "find_budget_page",
]


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """Which approvals a list shows; None means any."""

    workspace_id: str
    status: str | None = None
    task_id: UUID | None = None
    agent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class BudgetFilter:
    """Which budgets a list shows; None means any."""

    workspace_id: str
    status: str | None = None
    scope: str | None = None


_APPROVALS: Final = Listed("approvals", "approval_list", ("requested_at", "approval_id"), "ASC")
_BUDGETS: Final = Listed("budgets", "budgets", ("scope", "budget_id"), "ASC")


async def find_approval_page(
    models: ReadModels, wanted: ApprovalFilter, after: SortKey | None, limit: int
) -> FoundPage:
    """Return the approvals that were requested after a time and id, oldest first: who waits longest comes first."""
    filters = [("workspace_id", wanted.workspace_id), ("status", wanted.status), ("task_id", wanted.task_id)]
    conditions, arguments = numbered([*filters, ("agent_id", wanted.agent_id)], 2)
    if after is not None:
        conditions.append(f"(requested_at, approval_id) > (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += time_and_id(after)
    row, bodies = await find_page(models, _APPROVALS, conditions, arguments, limit)
    if len(bodies) <= limit:
        return FoundPage(bodies, None, covers_of(row))
    return FoundPage(bodies[:limit], time_and_id_key(row["requested_at"], row["approval_id"]), covers_of(row))


@cache
def _approval_detail_sql(version: ReadVersion) -> str:
    """Return the statement of one approval: its root is its task, which its id does not tell, so it covers all shards.

    Its body is null where there is no such approval.
    """
    covers = covers_sql(version, "workspace_id = $1")
    return (
        f"SELECT c.*, d.body FROM {covers} LEFT JOIN {version.schema}.approval_detail d"  # noqa: S608 - constants of this module
        " ON d.workspace_id = $1 AND d.approval_id = $2"
    )


async def find_approval_detail(models: ReadModels, workspace_id: str, approval_id: UUID) -> FoundView | None:
    """Return an approval of the workspace, or None."""
    row = await fetch_serving(models, "approvals", _approval_detail_sql, workspace_id, approval_id)
    return None if row["body"] is None else FoundView(row["body"], covers_of(row))


async def find_budget_page(models: ReadModels, wanted: BudgetFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the budgets that follow a scope and id, by scope."""
    filters = [("workspace_id", wanted.workspace_id), ("status", wanted.status), ("scope", wanted.scope)]
    conditions, arguments = numbered(filters, 2)
    if after is not None:
        conditions.append(f"(scope, budget_id) > (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += [after[0], UUID(str(after[1]))]
    row, bodies = await find_page(models, _BUDGETS, conditions, arguments, limit)
    last = (row["scope"], str(row["budget_id"])) if len(bodies) > limit else None
    return FoundPage(bodies[:limit], last, covers_of(row))


@cache
def _budget_sql(version: ReadVersion) -> str:
    """Return the statement of one budget; its body is null where there is no such budget."""
    return (
        f"SELECT c.*, b.body FROM {covers_sql(version, ONE_ROOT, '$1')} LEFT JOIN {version.schema}.budgets b"  # noqa: S608 - constants of this module
        " ON b.workspace_id = $2 AND b.budget_id = $3"
    )


async def find_budget(models: ReadModels, budget: RowName) -> FoundView | None:
    """Return a budget of the workspace, or None."""
    row = await fetch_serving(models, "budgets", _budget_sql, *budget)
    return None if row["body"] is None else FoundView(row["body"], covers_of(row))
