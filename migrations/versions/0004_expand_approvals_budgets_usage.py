"""Expand: the read models of approvals, budgets and usage, version 1."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: None = None
depends_on: None = None


def _make(table: str, key: str, *columns: sa.Column[Any], body: str, is_updated_often: bool = False) -> None:
    """Make a table with one row an aggregate."""
    storage: dict[str, Any] = {"postgresql_with": {"fillfactor": "80"}} if is_updated_often else {}
    op.create_table(
        table,
        sa.Column(key, sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        *columns,
        sa.Column("body", sa.LargeBinary(), nullable=False, comment=body),
        sa.PrimaryKeyConstraint(key, name=f"{table}_pkey"),
        schema="read",
        **storage,
    )


def _make_approvals() -> None:
    """Make the list and the detail of approvals."""
    _make(
        "approval_list",
        "approval_id",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        body="contracts.views.ApprovalSummary as JSON.",
    )
    for name, filters in (("oldest", ()), ("status", ("status",)), ("task", ("task_id",)), ("agent", ("agent_id",))):
        columns = ["workspace_id", *filters, "requested_at", "approval_id"]
        op.create_index(f"approval_list_{name}_index", "approval_list", columns, schema="read")
    generation = sa.Column("generation", sa.BigInteger(), nullable=False)
    _make("approval_detail", "approval_id", generation, body="contracts.views.ApprovalDetail as JSON.")


def _make_budgets() -> None:
    """Make the list of budgets."""
    scope, status = sa.Column("scope", sa.Text(), nullable=False), sa.Column("status", sa.Text(), nullable=False)
    _make("budgets", "budget_id", scope, status, body="contracts.views.BudgetDetail as JSON.")
    op.create_index("budgets_scope_index", "budgets", ["workspace_id", "scope", "budget_id"], schema="read")


def _make_usage() -> None:
    """Make what each task used."""
    _make(
        "task_usage",
        "task_id",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("context_id", sa.Text(), nullable=False),
        body="contracts.views.TaskUsage as JSON; queries add it up.",
        is_updated_often=True,
    )
    op.create_index("task_usage_agent_index", "task_usage", ["workspace_id", "agent_id"], schema="read")
    op.create_index("task_usage_context_index", "task_usage", ["workspace_id", "context_id"], schema="read")


def upgrade() -> None:
    """Make the tables."""
    _make_approvals()
    _make_budgets()
    _make_usage()


def downgrade() -> None:
    """Drop them."""
    for table in ("task_usage", "budgets", "approval_detail", "approval_list"):
        op.drop_table(table, schema="read")
