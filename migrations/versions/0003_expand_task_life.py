"""Expand: what is due, places for concurrent tasks, tasks of a context, one budget a scope, roles of keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the partial indexes and the column."""
    op.execute(
        "CREATE INDEX tasks_due_index ON write.aggregates (((state ->> 'due_at')::bigint))"
        " WHERE kind = 'task' AND (state ->> 'due_at') IS NOT NULL"
    )
    op.execute(
        "CREATE UNIQUE INDEX tasks_slot_key ON write.aggregates"
        " ((state ->> 'agent_id'), (((state -> 'lease') ->> 'slot')::integer))"
        " WHERE kind = 'task' AND ((state -> 'lease') ->> 'slot') IS NOT NULL"
    )
    op.execute(
        "CREATE INDEX tasks_context_index ON write.aggregates (workspace_id, (state ->> 'context_id'), id)"
        " WHERE kind = 'task'"
    )
    op.execute(
        "CREATE UNIQUE INDEX budgets_scope_key ON write.aggregates (workspace_id, (state ->> 'scope'))"
        " WHERE kind = 'budget' AND (state ->> 'status') <> 'removed'"
    )
    op.add_column(
        "api_keys",
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        schema="write",
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("api_keys", "roles", schema="write")
    for name in ("budgets_scope_key", "tasks_context_index", "tasks_slot_key", "tasks_due_index"):
        op.execute(f"DROP INDEX write.{name}")
