"""A small typed client of Bureau's public HTTP API, and the worker loop. Imports nothing else of the system.

    async with BureauClient("http://127.0.0.1:8000", api_key) as client:
        await client.register_agent("greeter")
        receipt = await client.submit_task("greeter", "Ada")
        task = await client.wait_for_task(receipt.task_id)
        print(task.status.state, task.status.message)

See `client.client` for the calls, `client.errors` for what they raise, `client.worker` for doing tasks.
"""

from client.agent_records import (
    AgentCard,
    AgentDetail,
    AgentPolicy,
    AgentReceipt,
    AgentRetryPolicy,
    AgentSkill,
    AgentSummary,
    ApprovalRule,
)
from client.approval_records import Approval, ApprovalDetail, ApprovalReceipt, ApprovalStatus, ApprovalVote
from client.budget_records import Budget, BudgetBreach, BudgetReceipt, BudgetWindow
from client.client import BureauClient
from client.connection import RetryPolicy
from client.content import (
    TERMINAL_STATES,
    Artifact,
    Content,
    Message,
    Part,
    TaskState,
    Usage,
    agent_message,
    clean_text,
    data_part,
    file_part,
    text_part,
    user_message,
)
from client.errors import (
    AgentNameTakenError,
    ApiError,
    AuthenticationError,
    BureauError,
    ConflictError,
    ConsistencyLostError,
    ErrorDetail,
    InvalidRequestError,
    LeaseLostError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServiceError,
    StaleError,
    TaskCanceledError,
    TransportError,
    UnavailableError,
    UnexpectedAnswerError,
    WrongStateError,
)
from client.handlers import Handler, TaskFailedError, TaskRejectedError, run_in_thread
from client.lease_records import AnswerNote, BudgetNotice, Heartbeat, InputReceipt, Lease
from client.records import (
    BatchError,
    BatchItem,
    CanceledTasks,
    Page,
    TaskDetail,
    TaskFailureReason,
    TaskOutcome,
    TaskReceipt,
    TaskStatus,
    TaskSummary,
    TaskTimelineEntry,
    UsageTotal,
)
from client.stopping import TaskStoppedError
from client.submissions import TaskSubmission, make_submission
from client.task_context import TaskContext
from client.testing import HandlerRun, Operation, ProgressReport, Question, make_lease, run_handler
from client.worker import Worker

__all__ = [
    "TERMINAL_STATES",
    "AgentCard",
    "AgentDetail",
    "AgentNameTakenError",
    "AgentPolicy",
    "AgentReceipt",
    "AgentRetryPolicy",
    "AgentSkill",
    "AgentSummary",
    "AnswerNote",
    "ApiError",
    "Approval",
    "ApprovalDetail",
    "ApprovalReceipt",
    "ApprovalRule",
    "ApprovalStatus",
    "ApprovalVote",
    "Artifact",
    "AuthenticationError",
    "BatchError",
    "BatchItem",
    "Budget",
    "BudgetBreach",
    "BudgetNotice",
    "BudgetReceipt",
    "BudgetWindow",
    "BureauClient",
    "BureauError",
    "CanceledTasks",
    "ConflictError",
    "ConsistencyLostError",
    "Content",
    "ErrorDetail",
    "Handler",
    "HandlerRun",
    "Heartbeat",
    "InputReceipt",
    "InvalidRequestError",
    "Lease",
    "LeaseLostError",
    "Message",
    "NotFoundError",
    "Operation",
    "Page",
    "Part",
    "PermissionDeniedError",
    "ProgressReport",
    "Question",
    "RateLimitedError",
    "RetryPolicy",
    "ServiceError",
    "StaleError",
    "TaskCanceledError",
    "TaskContext",
    "TaskDetail",
    "TaskFailedError",
    "TaskFailureReason",
    "TaskOutcome",
    "TaskReceipt",
    "TaskRejectedError",
    "TaskState",
    "TaskStatus",
    "TaskStoppedError",
    "TaskSubmission",
    "TaskSummary",
    "TaskTimelineEntry",
    "TransportError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "Usage",
    "UsageTotal",
    "Worker",
    "WrongStateError",
    "agent_message",
    "clean_text",
    "data_part",
    "file_part",
    "make_lease",
    "make_submission",
    "run_handler",
    "run_in_thread",
    "text_part",
    "user_message",
]
