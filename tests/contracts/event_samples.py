"""One event of every type at the least, with what is easily lost on the way: nulls, quotes, decimals, long text."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import JsonValue

from contracts.a2a import AgentCard, AgentProvider, Artifact, Message, Part, Role
from contracts.agents import AgentPolicy, RetryPolicy
from contracts.approvals import ApprovalRule, ApprovalStatus, ApprovalVote
from contracts.attempts import AttemptRecord
from contracts.budgets import BudgetWindow
from contracts.events import (
    AgentPaused,
    AgentRegistered,
    AgentResumed,
    AgentRetired,
    AgentUpdated,
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalUsed,
    ApprovalVoteCast,
    ApprovalWithdrawn,
    BudgetChanged,
    BudgetExhausted,
    BudgetNearlySpent,
    BudgetRemoved,
    BudgetSet,
    Event,
    TaskApprovalRequested,
    TaskApprovalResolved,
    TaskArtifactAppended,
    TaskAttemptFailed,
    TaskAttemptStarted,
    TaskCanceled,
    TaskCompleted,
    TaskFailed,
    TaskInputProvided,
    TaskInputRequested,
    TaskMessageAdded,
    TaskProgressed,
    TaskRejected,
    TaskReleased,
    TaskResumed,
    TaskStarted,
    TaskSubmitted,
    TaskUsageReported,
)
from contracts.usage import Usage

__all__ = ["AGENT", "AT", "EVENTS", "MESSAGE", "ROOT", "SUBMITTED"]

ROOT = UUID("01a1ff4e-7a00-7000-8000-00000000000b")
AGENT = UUID("01a1ff4e-7a00-7000-8000-00000000000a")
AT = datetime(2026, 11, 22, 12, 30, 1, 234567, tzinfo=UTC)
MESSAGE = Message(
    message_id="m-1",
    role=Role.USER,
    parts=(Part(text='a "quote", a \\ and \u2028 \U0001f4a1'), Part(data=None), Part(data={"n": [None]})),
    metadata={"percent": "%b %s", "null": None},
)
ARTIFACT = Artifact(artifact_id="a", parts=(Part(raw="YQ=="), Part(url="https://example.org")), description="")
CARD = AgentCard(description="d", provider=AgentProvider(organization="o"))
ATTEMPT = AttemptRecord(attempt=1, worker="w", started_at=AT, ended_at=AT, code="c")
RULE = ApprovalRule(operations=("pay.*",), people=("ada",), required=2)
SCHEMA: dict[str, JsonValue] = {"properties": {"a": {"const": None, "default": None}}}
SUBMITTED = TaskSubmitted(
    task_id=ROOT,
    agent_id=AGENT,
    context_id="c",
    message=MESSAGE,
    priority=0,
    max_attempts=3,
    metadata={"deep": {"null": None}},
    reference_task_ids=("t-0",),
)

EVENTS: list[Event] = [
    AgentRegistered(agent_id=AGENT, name="a", card=CARD, policy=AgentPolicy()),
    AgentUpdated(name="b", card=AgentCard(), policy=AgentPolicy(lease_seconds=1, max_attempts=1)),
    AgentPaused(reason="r"),
    AgentPaused(reason=None),
    AgentResumed(),
    AgentRetired(reason=None),
    SUBMITTED,
    SUBMITTED.model_copy(
        update={"not_before": AT, "deadline": AT, "attempt_seconds": 5, "retry": RetryPolicy(never_retried=("x",))}
    ),
    TaskStarted(attempt=1, worker="w"),
    TaskAttemptStarted(attempt=2, worker="w\u00fc"),
    TaskProgressed(attempt=1, fraction=0.1, message=MESSAGE),
    TaskProgressed(attempt=1, fraction=0, message=None),
    TaskProgressed(attempt=1, fraction=None, message=MESSAGE),
    TaskArtifactAppended(attempt=1, artifact=ARTIFACT, append=False, last_chunk=True),
    TaskUsageReported(attempt=1, usage=Usage(input_tokens=1, cost=Decimal("0.000000001"), model="m")),
    TaskUsageReported(attempt=1, usage=Usage()),
    TaskCompleted(attempt=1, message=MESSAGE),
    TaskCompleted(attempt=1, message=None),
    TaskFailed(attempt=1, code="c", reason="r", message=MESSAGE),
    TaskFailed(attempt=1, code="c", reason="r", message=None),
    TaskCanceled(reason="r"),
    TaskCanceled(reason=None),
    TaskFailed(attempt=1, code="c", reason="r", attempts=(ATTEMPT, ATTEMPT)),
    TaskAttemptFailed(attempt=1, code="c", reason="r", retry_at=AT, message=MESSAGE),
    TaskAttemptFailed(attempt=1, code="c", reason="r", retry_at=AT),
    TaskReleased(attempt=1, worker="w"),
    TaskResumed(attempt=1, worker="w"),
    TaskRejected(attempt=1, reason="r", message=MESSAGE),
    TaskRejected(attempt=1, reason="r"),
    TaskMessageAdded(ordinal=2, message=MESSAGE),
    TaskInputRequested(
        attempt=1, request_id=ROOT, message=MESSAGE, answer_schema=SCHEMA, expires_at=AT, keeps_lease=True
    ),
    TaskInputRequested(attempt=1, request_id=ROOT, message=MESSAGE, keeps_lease=False),
    TaskInputProvided(request_id=ROOT, ordinal=2, message=MESSAGE, is_default=True),
    TaskApprovalRequested(attempt=1, approval_id=ROOT, operation="pay", expires_at=AT),
    TaskApprovalResolved(approval_id=ROOT, ordinal=2, status=ApprovalStatus.WITHDRAWN, message=MESSAGE),
    ApprovalRequested(
        approval_id=AGENT,
        task_id=ROOT,
        agent_id=AGENT,
        operation="pay",
        arguments={"none": None, "deep": [{"none": None}]},
        message=MESSAGE,
        rule=RULE,
        expires_at=AT,
        requested_by="k",
    ),
    ApprovalVoteCast(vote=ApprovalVote(by="k", decision="approve", reason="r")),
    ApprovalVoteCast(vote=ApprovalVote(by="k", decision="refuse")),
    ApprovalGranted(),
    ApprovalRefused(),
    ApprovalExpired(),
    ApprovalWithdrawn(),
    ApprovalUsed(),
    BudgetSet(
        budget_id=AGENT,
        scope="workspace",
        amount=Decimal("10.000000001"),
        currency="USD",
        window=BudgetWindow.MONTH,
        warn_fraction=Decimal("0.8"),
        on_breach="fail",
        spent=Decimal("0.000000001"),
    ),
    BudgetChanged(amount=Decimal(1), on_breach="input", spent=Decimal("0.1")),
    BudgetNearlySpent(spent=Decimal(8), amount=Decimal(10)),
    BudgetExhausted(spent=Decimal("1E+3"), amount=Decimal(10)),
    BudgetRemoved(),
]
