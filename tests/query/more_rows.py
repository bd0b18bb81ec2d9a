"""Rows of approvals, budgets and usage as projectors write them."""

from datetime import timedelta
from decimal import Decimal

from contracts.approvals import ApprovalRule, ApprovalStatus
from contracts.budgets import BudgetStatus, BudgetWindow
from contracts.views import ApprovalDetail, ApprovalSummary, BudgetDetail
from infrastructure.postgres import Pool
from infrastructure.read_queries_figures import FoundSpend
from tests.query.world import START, WORKSPACE, id_of

__all__ = ["add_approval", "add_budget", "add_usage", "spent"]

_AMOUNTS = ("tasks", *FoundSpend._fields[2:])
_ADD_USAGE = f"""
INSERT INTO read.usage_sums AS t VALUES ({", ".join(f"${n}" for n in range(1, 15))})
ON CONFLICT (workspace_id, agent, context, model, currency, shard)
DO UPDATE SET {", ".join(f"{name} = t.{name} + excluded.{name}" for name in _AMOUNTS)}
"""  # noqa: S608 - constants of this module


async def add_approval(
    pool: Pool, name: str, age: int = 0, status: str = "pending", task: str = "t", workspace: str = WORKSPACE
) -> ApprovalDetail:
    """`age` in microseconds before START; the operation is the name."""
    requested_at = START - timedelta(microseconds=age)
    summary = ApprovalSummary(
        approval_id=id_of(name),
        task_id=id_of(task),
        agent_id=id_of("agent"),
        operation=name,
        status=ApprovalStatus(status),
        approvals=0,
        refusals=0,
        required=1,
        is_used=False,
        generation=1,
        requested_at=requested_at,
        expires_at=START,
        decided_at=None,
    )
    detail = ApprovalDetail(
        **summary.model_dump(exclude={"approvals", "refusals"}),
        workspace_id=workspace,
        arguments={"what": None},
        message=None,
        rule=ApprovalRule(operations=("*",), people=("ada",)),
        requested_by="key",
        votes=(),
        used_at=None,
        updated_at=requested_at,
    )
    await pool.execute(
        "INSERT INTO read.approval_list VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id_of(name), workspace, id_of(task), id_of("agent"), status, requested_at, summary.model_dump_json().encode(),
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO read.approval_detail VALUES ($1, $2, 1, $3)",
        id_of(name), workspace, detail.model_dump_json().encode(),
    )  # fmt: skip
    return detail


async def add_budget(pool: Pool, scope: str, status: str = "active", workspace: str = WORKSPACE) -> BudgetDetail:
    """Its id is that of the scope's name."""
    budget = BudgetDetail(
        budget_id=id_of(scope),
        workspace_id=workspace,
        scope=scope,
        amount=Decimal("10.00"),
        currency="USD",
        window=BudgetWindow.DAY,
        warn_fraction=Decimal("0.8"),
        on_breach="input",
        status=BudgetStatus(status),
        spent=Decimal("8.10"),
        spent_at=START,
        exhausted_until=None,
        generation=2,
        set_at=START,
        updated_at=START,
    )
    await pool.execute(
        "INSERT INTO read.budgets VALUES ($1, $2, $3, $4, $5)",
        id_of(scope), workspace, scope, status, budget.model_dump_json().encode(),
    )  # fmt: skip
    return budget


def spent(cost: str, model: str | None = "large", currency: str = "USD", reports: int = 1) -> FoundSpend:
    return FoundSpend(
        model=model,
        currency=currency,
        reports=reports,
        input_tokens=10 * reports,
        output_tokens=2**40,
        cached_input_tokens=1,
        tool_calls=reports,
        duration_ms=100,
        cost=Decimal(cost),
    )


async def add_usage(
    pool: Pool, shard: int, *parts: FoundSpend, agent: str = "a", context: str = "c", workspace: str = WORKSPACE
) -> None:
    """Add what one task used: the first part is its first report."""
    for number, part in enumerate(parts):
        for place in (("", ""), (str(id_of(agent)), ""), (str(id_of(agent)), context)):
            row = (workspace, *place, part.model or "", part.currency, shard, int(number == 0), *part[2:])
            await pool.execute(_ADD_USAGE, *row)
