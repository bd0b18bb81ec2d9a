"""Expand: the tables of the first read models, version 1."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: None = None
depends_on: None = None


def _body(comment: str) -> sa.Column[bytes]:
    """Return the column of the finished answer."""
    return sa.Column("body", sa.LargeBinary(), nullable=False, comment=comment)


def _make_agents() -> None:
    """Make the list and the detail of agents."""
    op.create_table(
        "agent_list",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        _body("contracts.views.AgentSummary as JSON."),
        sa.PrimaryKeyConstraint("agent_id", name="agent_list_pkey"),
        schema="read",
    )
    op.create_index("agent_list_name_index", "agent_list", ["workspace_id", "name", "agent_id"], schema="read")
    op.create_table(
        "agent_detail",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        _body("contracts.views.AgentDetail as JSON."),
        sa.PrimaryKeyConstraint("agent_id", name="agent_detail_pkey"),
        schema="read",
    )


def _make_task_list() -> None:
    """Make the list of tasks, newest first by four filters."""
    op.create_table(
        "task_list",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("context_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        _body("contracts.views.TaskSummary as JSON."),
        sa.PrimaryKeyConstraint("task_id", name="task_list_pkey"),
        schema="read",
        postgresql_with={"fillfactor": "80"},
    )
    for name, filters in (
        ("newest", ()),
        ("state", ("state",)),
        ("agent", ("agent_id",)),
        ("context", ("context_id",)),
    ):
        columns = ["workspace_id", *filters, "submitted_at", "task_id"]
        op.create_index(f"task_list_{name}_index", "task_list", columns, schema="read")


def _make_task_rows(table: str, *columns: sa.Column[object], body: str) -> None:
    """Make a table with one row an event of a task."""
    op.create_table(
        table,
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        *columns,
        _body(body),
        sa.PrimaryKeyConstraint("task_id", "generation", name=f"{table}_pkey"),
        schema="read",
    )


def _make_task_detail() -> None:
    """Make the detail of tasks with its messages and chunks, and the timeline."""
    op.create_table(
        "task_detail",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        _body("contracts.views.TaskDetail as JSON."),
        sa.PrimaryKeyConstraint("task_id", name="task_detail_pkey"),
        schema="read",
        postgresql_with={"fillfactor": "80"},
    )
    _make_task_rows("task_messages", body="The contracts.a2a.Message alone, as JSON.")
    _make_task_rows(
        "task_artifact_chunks",
        sa.Column("artifact_id", sa.Text(), nullable=False),
        sa.Column("append", sa.Boolean(), nullable=False, comment="False in the first chunk of an artifact."),
        sa.Column("last_chunk", sa.Boolean(), nullable=False),
        body="The chunk's contracts.a2a.Artifact alone, as JSON.",
    )
    _make_task_rows("task_timeline", body="contracts.views.TaskTimelineEntry as JSON.")


def upgrade() -> None:
    _make_agents()
    _make_task_list()
    _make_task_detail()


def downgrade() -> None:
    for table in (
        "task_timeline",
        "task_artifact_chunks",
        "task_messages",
        "task_detail",
        "task_list",
        "agent_detail",
        "agent_list",
    ):
        op.drop_table(table, schema="read")
