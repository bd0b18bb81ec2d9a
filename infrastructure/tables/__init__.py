"""Every table of the database, for repositories and for Alembic."""

from infrastructure.tables.log import CLUSTERS, EPOCHS, EVENTS, FLOORS, MEMBERS, SHARD_LEASES, STREAM_FLOORS
from infrastructure.tables.metadata import METADATA
from infrastructure.tables.parking import PARKED_EVENTS, PARKED_REQUESTS, PARKED_ROOTS
from infrastructure.tables.read import CHECKPOINTS, PROJECTIONS
from infrastructure.tables.read_models import (
    AGENT_DETAIL,
    AGENT_LIST,
    APPROVAL_DETAIL,
    APPROVAL_LIST,
    BUDGETS,
    TASK_ARTIFACT_CHUNKS,
    TASK_DETAIL,
    TASK_LIST,
    TASK_MESSAGES,
    TASK_TIMELINE,
    USAGE_SUMS,
)
from infrastructure.tables.upkeep import READERS, UPKEEP
from infrastructure.tables.write import AGGREGATES, API_KEYS, MESSAGES, RECEIPTS

__all__ = [
    "AGENT_DETAIL",
    "AGENT_LIST",
    "AGGREGATES",
    "API_KEYS",
    "APPROVAL_DETAIL",
    "APPROVAL_LIST",
    "BUDGETS",
    "CHECKPOINTS",
    "CLUSTERS",
    "EPOCHS",
    "EVENTS",
    "FLOORS",
    "MEMBERS",
    "MESSAGES",
    "METADATA",
    "PARKED_EVENTS",
    "PARKED_REQUESTS",
    "PARKED_ROOTS",
    "PROJECTIONS",
    "READERS",
    "RECEIPTS",
    "SHARD_LEASES",
    "STREAM_FLOORS",
    "TASK_ARTIFACT_CHUNKS",
    "TASK_DETAIL",
    "TASK_LIST",
    "TASK_MESSAGES",
    "TASK_TIMELINE",
    "UPKEEP",
    "USAGE_SUMS",
]
