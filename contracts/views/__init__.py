"""The records that read models hold and queries answer with, one a question."""

from contracts.views.agent import AgentDetail, AgentSummary
from contracts.views.task import (
    TaskArtifactChunk,
    TaskDetail,
    TaskFailure,
    TaskMessage,
    TaskStatus,
    TaskSummary,
    TaskTimelineEntry,
    TaskWaiting,
)

__all__ = [
    "AgentDetail",
    "AgentSummary",
    "TaskArtifactChunk",
    "TaskDetail",
    "TaskFailure",
    "TaskMessage",
    "TaskStatus",
    "TaskSummary",
    "TaskTimelineEntry",
    "TaskWaiting",
]
