"""The records that read models hold and queries answer with, one a question."""

from contracts.views.agent import AgentDetail, AgentSummary
from contracts.views.approval import ApprovalDetail, ApprovalSummary, ApprovalVoteView
from contracts.views.budget import BudgetDetail
from contracts.views.context import ContextSummary
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
from contracts.views.usage import ModelUsage, UsageFigures

__all__ = [
    "AgentDetail",
    "AgentSummary",
    "ApprovalDetail",
    "ApprovalSummary",
    "ApprovalVoteView",
    "BudgetDetail",
    "ContextSummary",
    "ModelUsage",
    "TaskArtifactChunk",
    "TaskDetail",
    "TaskFailure",
    "TaskMessage",
    "TaskStatus",
    "TaskSummary",
    "TaskTimelineEntry",
    "TaskWaiting",
    "UsageFigures",
]
