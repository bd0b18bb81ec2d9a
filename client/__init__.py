"""A small typed client of Bureau's public HTTP API, and the worker loop. Imports nothing else of the system.

    async with BureauClient("http://127.0.0.1:8000", api_key) as client:
        await client.register_agent("greeter")
        receipt = await client.submit_task("greeter", "Ada")
        task = await client.wait_for_task(receipt.task_id)
        print(task.status.state, task.status.message)

See `client.client` for the calls, `client.errors` for what they raise, `client.worker` for doing tasks.
"""

from client.agent_records import AgentCard, AgentDetail, AgentPolicy, AgentReceipt, AgentSkill, AgentSummary
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
    TransportError,
    UnavailableError,
    UnexpectedAnswerError,
    WrongStateError,
)
from client.handlers import Handler, TaskFailedError, run_in_thread
from client.records import (
    Heartbeat,
    Lease,
    Page,
    TaskDetail,
    TaskFailureReason,
    TaskReceipt,
    TaskStatus,
    TaskSummary,
    TaskTimelineEntry,
    UsageTotal,
)
from client.task_context import TaskContext
from client.testing import HandlerRun, ProgressReport, make_lease, run_handler
from client.worker import Worker

__all__ = [
    "TERMINAL_STATES",
    "AgentCard",
    "AgentDetail",
    "AgentNameTakenError",
    "AgentPolicy",
    "AgentReceipt",
    "AgentSkill",
    "AgentSummary",
    "ApiError",
    "Artifact",
    "AuthenticationError",
    "BureauClient",
    "BureauError",
    "ConflictError",
    "ConsistencyLostError",
    "Content",
    "ErrorDetail",
    "Handler",
    "HandlerRun",
    "Heartbeat",
    "InvalidRequestError",
    "Lease",
    "LeaseLostError",
    "Message",
    "NotFoundError",
    "Page",
    "Part",
    "PermissionDeniedError",
    "ProgressReport",
    "RateLimitedError",
    "RetryPolicy",
    "ServiceError",
    "StaleError",
    "TaskContext",
    "TaskDetail",
    "TaskFailedError",
    "TaskFailureReason",
    "TaskReceipt",
    "TaskState",
    "TaskStatus",
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
    "run_handler",
    "run_in_thread",
    "text_part",
    "user_message",
]
