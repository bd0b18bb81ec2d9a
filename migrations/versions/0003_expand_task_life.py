"""Expand: find what is due, guard an agent's places for concurrent tasks, find the tasks of a context."""

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the three partial indexes on tasks."""
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


def downgrade() -> None:
    """Drop them."""
    for name in ("tasks_context_index", "tasks_slot_key", "tasks_due_index"):
        op.execute(f"DROP INDEX write.{name}")
