"""Expand: open tasks by context, by agent and lease, by what they wait for; those that are over leave the indexes."""

from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: None = None
depends_on: None = None

_IS_OPEN = "kind = 'task' AND (state ->> 'state') IN ('submitted', 'working', 'input_required', 'auth_required')"


def upgrade() -> None:
    """Make the index of contexts anew for open tasks alone, and the two others beside it."""
    op.execute("DROP INDEX write.tasks_context_index")
    op.execute(
        "CREATE INDEX tasks_context_index ON write.aggregates (workspace_id, (state ->> 'context_id'), id)"
        f" WHERE {_IS_OPEN}"
    )
    op.execute(
        "CREATE INDEX tasks_open_index ON write.aggregates"
        f" (((state ->> 'agent_id')::uuid), jsonb_typeof(state -> 'lease'), id) WHERE {_IS_OPEN}"
    )
    op.execute(
        "CREATE INDEX tasks_waiting_index ON write.aggregates"
        " (workspace_id, ((state -> 'waiting') ->> 'request_id'), id)"
        " WHERE kind = 'task' AND ((state -> 'waiting') ->> 'request_id') IS NOT NULL"
    )


def downgrade() -> None:
    """Put the index of all tasks' contexts back."""
    op.execute("DROP INDEX write.tasks_waiting_index")
    op.execute("DROP INDEX write.tasks_open_index")
    op.execute("DROP INDEX write.tasks_context_index")
    op.execute(
        "CREATE INDEX tasks_context_index ON write.aggregates (workspace_id, (state ->> 'context_id'), id)"
        " WHERE kind = 'task'"
    )
