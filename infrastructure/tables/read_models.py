"""The tables of the read models, version 1: key, workspace, what lists sort and filter by, and the finished answer.

`body` is the JSON that goes out, as bytes, so that an answer is one indexed read that nobody parses again. Only
projectors write here, and only together with their checkpoint. No unique index but the keys: rows of different shards
arrive in any order, so that an agent may carry a name before its former bearer gave it up.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from infrastructure.tables.metadata import METADATA

__all__ = [
    "AGENT_DETAIL",
    "AGENT_LIST",
    "APPROVAL_DETAIL",
    "APPROVAL_LIST",
    "BUDGETS",
    "TASK_ARTIFACT_CHUNKS",
    "TASK_DETAIL",
    "TASK_LIST",
    "TASK_MESSAGES",
    "TASK_TIMELINE",
    "USAGE_SUMS",
]

_SCHEMA = "read"
_UPDATED_OFTEN = {"fillfactor": "80"}  # room for the next version of a row beside it: no index is touched then

AGENT_LIST = Table(
    "agent_list",
    METADATA,
    Column("agent_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="contracts.views.AgentSummary as JSON."),
    Index("agent_list_name_index", "workspace_id", "name", "agent_id"),
    schema=_SCHEMA,
)
"""Agents as lists show them, by name."""

AGENT_DETAIL = Table(
    "agent_detail",
    METADATA,
    Column("agent_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="contracts.views.AgentDetail as JSON."),
    schema=_SCHEMA,
)
"""An agent, whole."""

TASK_LIST = Table(
    "task_list",
    METADATA,
    Column("task_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("agent_id", Uuid, nullable=False),
    Column("context_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("submitted_at", DateTime(timezone=True), nullable=False),
    Column("body", LargeBinary, nullable=False, comment="contracts.views.TaskSummary as JSON."),
    # Read backwards for newest first: task ids break ties, and a B-tree serves both directions alike.
    Index("task_list_newest_index", "workspace_id", "submitted_at", "task_id"),
    Index("task_list_state_index", "workspace_id", "state", "submitted_at", "task_id"),
    Index("task_list_agent_index", "workspace_id", "agent_id", "submitted_at", "task_id"),
    Index("task_list_context_index", "workspace_id", "context_id", "submitted_at", "task_id"),
    schema=_SCHEMA,
    postgresql_with=_UPDATED_OFTEN,
)
"""Tasks as lists show them, newest first, also by state, by agent and by context."""

TASK_DETAIL = Table(
    "task_detail",
    METADATA,
    Column("task_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="contracts.views.TaskDetail as JSON."),
    schema=_SCHEMA,
    postgresql_with=_UPDATED_OFTEN,
)
"""A task without its messages and artifacts."""

TASK_MESSAGES = Table(
    "task_messages",
    METADATA,
    Column("task_id", Uuid, primary_key=True),
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="The contracts.a2a.Message alone, as JSON."),
    schema=_SCHEMA,
)
"""The messages of a task, oldest first by generation; only ever inserted."""

TASK_ARTIFACT_CHUNKS = Table(
    "task_artifact_chunks",
    METADATA,
    Column("task_id", Uuid, primary_key=True),
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace_id", Text, nullable=False),
    Column("artifact_id", Text, nullable=False),
    Column("append", Boolean, nullable=False, comment="False in the first chunk of an artifact."),
    Column("last_chunk", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="The chunk's contracts.a2a.Artifact alone, as JSON."),
    schema=_SCHEMA,
)
"""The chunks of a task's artifacts, in the order they came by generation; only ever inserted."""

TASK_TIMELINE = Table(
    "task_timeline",
    METADATA,
    Column("task_id", Uuid, primary_key=True),
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="contracts.views.TaskTimelineEntry as JSON."),
    schema=_SCHEMA,
)
"""Every visible change of a task, oldest first by generation; only ever inserted."""

APPROVAL_LIST = Table(
    "approval_list",
    METADATA,
    Column("approval_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("task_id", Uuid, nullable=False),
    Column("agent_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("body", LargeBinary, nullable=False, comment="contracts.views.ApprovalSummary as JSON."),
    Index("approval_list_oldest_index", "workspace_id", "requested_at", "approval_id"),
    Index("approval_list_status_index", "workspace_id", "status", "requested_at", "approval_id"),
    Index("approval_list_task_index", "workspace_id", "task_id", "requested_at", "approval_id"),
    Index("approval_list_agent_index", "workspace_id", "agent_id", "requested_at", "approval_id"),
    schema=_SCHEMA,
)
"""Approvals as lists show them, oldest first, also by status, by task and by agent."""

APPROVAL_DETAIL = Table(
    "approval_detail",
    METADATA,
    Column("approval_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="contracts.views.ApprovalDetail as JSON."),
    schema=_SCHEMA,
)
"""An approval, whole."""

BUDGETS = Table(
    "budgets",
    METADATA,
    Column("budget_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="contracts.views.BudgetDetail as JSON."),
    Index("budgets_scope_index", "workspace_id", "scope", "budget_id"),
    schema=_SCHEMA,
)
"""Budgets, by scope; lists show them whole."""

USAGE_SUMS = Table(
    "usage_sums",
    METADATA,
    Column("workspace_id", Text, primary_key=True),
    Column("agent", Text, primary_key=True, comment="An agent's id; empty: of all agents."),
    Column("context", Text, primary_key=True, comment="A context's id; empty: of all contexts."),
    Column("model", Text, primary_key=True, comment="Empty: the worker named none."),
    Column("currency", Text, primary_key=True),
    Column(
        "shard", SmallInteger, primary_key=True, autoincrement=False, comment="Whose reports: the part of one shard."
    ),
    Column("tasks", BigInteger, nullable=False, comment="Tasks whose first report this was."),
    Column("reports", BigInteger, nullable=False),
    Column("input_tokens", Numeric, nullable=False),
    Column("output_tokens", Numeric, nullable=False),
    Column("cached_input_tokens", Numeric, nullable=False),
    Column("tool_calls", Numeric, nullable=False),
    Column("duration_ms", Numeric, nullable=False),
    Column("cost", Numeric, nullable=False),
    Index("usage_sums_context_index", "workspace_id", "context"),
    schema=_SCHEMA,
    postgresql_with=_UPDATED_OFTEN,
)
"""What was used by all, by each agent, and by each agent in each context: in partial rows, one a shard."""
