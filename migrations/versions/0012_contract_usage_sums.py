"""Contract: usage in partial sums a shard instead of a row a task; projectors read the log again for it.

Processes of the version before must be stopped: they would ask for the table that goes.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: None = None
depends_on: None = None

_BEGIN_AGAIN = (
    "DELETE FROM read.checkpoints WHERE projection = 'usage'",
    "DELETE FROM read.projections WHERE projection = 'usage'",
)


def _make_sums() -> None:
    """Make the table of sums."""
    amounts = ("input_tokens", "output_tokens", "cached_input_tokens", "tool_calls", "duration_ms", "cost")
    op.create_table(
        "usage_sums",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False, comment="An agent's id; empty: of all agents."),
        sa.Column("context", sa.Text(), nullable=False, comment="A context's id; empty: of all contexts."),
        sa.Column("model", sa.Text(), nullable=False, comment="Empty: the worker named none."),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "shard",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="Whose reports: the part of one shard.",
        ),
        sa.Column("tasks", sa.BigInteger(), nullable=False, comment="Tasks whose first report this was."),
        sa.Column("reports", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Numeric(), nullable=False) for name in amounts),
        sa.PrimaryKeyConstraint(
            "workspace_id", "agent", "context", "model", "currency", "shard", name="usage_sums_pkey"
        ),
        schema="read",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("usage_sums_context_index", "usage_sums", ["workspace_id", "context"], schema="read")


def upgrade() -> None:
    """Put the sums in the place of the tasks' rows."""
    op.drop_table("task_usage", schema="read")
    _make_sums()
    for statement in _BEGIN_AGAIN:
        op.execute(statement)


def downgrade() -> None:
    """Put the tasks' rows back, empty."""
    op.drop_table("usage_sums", schema="read")
    op.create_table(
        "task_usage",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("context_id", sa.Text(), nullable=False),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="contracts.views.TaskUsage as JSON; queries add it up.",
        ),
        sa.PrimaryKeyConstraint("task_id", name="task_usage_pkey"),
        schema="read",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("task_usage_agent_index", "task_usage", ["workspace_id", "agent_id"], schema="read")
    op.create_index("task_usage_context_index", "task_usage", ["workspace_id", "context_id"], schema="read")
    for statement in _BEGIN_AGAIN:
        op.execute(statement)
