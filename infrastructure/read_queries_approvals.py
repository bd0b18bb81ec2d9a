"""The find functions for approvals and budgets: one statement each. Reads read models and checkpoints, never writes."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

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


async def find_approval_page(pool: Pool, wanted: ApprovalFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the approvals that were requested after a time and id, oldest first: who waits longest comes first."""
    filters = [("workspace_id", wanted.workspace_id), ("status", wanted.status), ("task_id", wanted.task_id)]
    conditions, arguments = numbered([*filters, ("agent_id", wanted.agent_id)], 2)
    if after is not None:
        conditions.append(f"(requested_at, approval_id) > (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += time_and_id(after)
    sql = page_sql("approval_list", covers_sql("approvals"), conditions, ("requested_at", "approval_id"), "ASC")
    row, bodies = await find_page(pool, sql, arguments, limit)
    if len(bodies) <= limit:
        return FoundPage(bodies, None, covers_of(row))
    return FoundPage(bodies[:limit], time_and_id_key(row["requested_at"], row["approval_id"]), covers_of(row))


# An approval's root is its task, which its id does not tell: the answer covers all shards.
_APPROVAL_DETAIL: Final = f"""
SELECT c.*, d.body FROM {covers_sql("approvals")}, read.approval_detail d
WHERE d.workspace_id = $1 AND d.approval_id = $2
"""  # noqa: S608 - constants of this module


async def find_approval_detail(pool: Pool, workspace_id: str, approval_id: UUID) -> FoundView | None:
    """Return an approval of the workspace, or None."""
    row = await pool.fetchrow(_APPROVAL_DETAIL, workspace_id, approval_id)
    return None if row is None else FoundView(row["body"], covers_of(row))


async def find_budget_page(pool: Pool, wanted: BudgetFilter, after: SortKey | None, limit: int) -> FoundPage:
    """Return the budgets that follow a scope and id, by scope."""
    filters = [("workspace_id", wanted.workspace_id), ("status", wanted.status), ("scope", wanted.scope)]
    conditions, arguments = numbered(filters, 2)
    if after is not None:
        conditions.append(f"(scope, budget_id) > (${len(arguments) + 2}, ${len(arguments) + 3})")
        arguments += [after[0], UUID(str(after[1]))]
    sql = page_sql("budgets", covers_sql("budgets"), conditions, ("scope", "budget_id"), "ASC")
    row, bodies = await find_page(pool, sql, arguments, limit)
    last = (row["scope"], str(row["budget_id"])) if len(bodies) > limit else None
    return FoundPage(bodies[:limit], last, covers_of(row))


_BUDGET: Final = f"""
SELECT c.*, b.body FROM {covers_sql("budgets", "$1")}, read.budgets b WHERE b.workspace_id = $2 AND b.budget_id = $3
"""  # noqa: S608 - constants of this module


async def find_budget(pool: Pool, budget: RowName) -> FoundView | None:
    """Return a budget of the workspace, or None."""
    row = await pool.fetchrow(_BUDGET, *budget)
    return None if row is None else FoundView(row["body"], covers_of(row))
