"""The examples of docs/events.md for what tasks wait for: retries, conversation, approvals and budgets."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from contracts.a2a import Message, Part, Role
from contracts.approvals import ApprovalRule, ApprovalStatus, ApprovalVote
from contracts.budgets import BudgetWindow
from contracts.events import (
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
    TaskAttemptFailed,
    TaskInputProvided,
    TaskInputRequested,
    TaskMessageAdded,
    TaskRejected,
    TaskReleased,
    TaskResumed,
)

__all__ = ["AGENT", "TASK", "WAITING_EXAMPLES"]

TASK, AGENT = UUID("01a1ff4e-7a00-7000-8000-00000000000b"), UUID("01a1ff4e-7a00-7000-8000-00000000000a")
_APPROVAL, _BUDGET = UUID("01a1ff4e-7a00-7000-8000-0000000000aa"), UUID("01a1ff4e-7a00-7000-8000-0000000000bb")
_REQUEST = UUID("01a1ff4e-7a00-7000-8000-0000000000cc")
_LATER = datetime(2026, 11, 22, 13, 0, 0, tzinfo=UTC)


def _said(message_id: str, role: Role, text: str) -> Message:
    return Message(message_id=message_id, role=role, parts=(Part(text=text),))


WAITING_EXAMPLES: tuple[Event, ...] = (
    TaskAttemptFailed(
        attempt=1, code="lease_expired", reason="The worker worker-a did not renew its lease.", retry_at=_LATER
    ),
    TaskReleased(attempt=1, worker="worker-a"),
    TaskResumed(attempt=1, worker="worker-b"),
    TaskMessageAdded(ordinal=2, message=_said("m-3", Role.USER, "Look at April, too.")),
    TaskInputRequested(
        attempt=1,
        request_id=_REQUEST,
        message=_said("m-4", Role.AGENT, "Which month?"),
        answer_schema={"type": "string"},
        expires_at=_LATER,
        keeps_lease=False,
    ),
    TaskInputProvided(
        request_id=_REQUEST,
        ordinal=3,
        message=Message(message_id="m-5", role=Role.USER, parts=(Part(data="April"),)),
        is_default=False,
    ),
    TaskRejected(attempt=1, reason="Not an invoice."),
    TaskApprovalRequested(attempt=1, approval_id=_APPROVAL, operation="invoices.refund", expires_at=_LATER),
    TaskApprovalResolved(
        approval_id=_APPROVAL,
        ordinal=4,
        status=ApprovalStatus.APPROVED,
        message=Message(
            message_id=f"approval-{_APPROVAL}",
            role=Role.USER,
            parts=(Part(data={"approval_id": str(_APPROVAL), "status": "approved"}),),
        ),
    ),
    ApprovalRequested(
        approval_id=_APPROVAL,
        task_id=TASK,
        agent_id=AGENT,
        operation="invoices.refund",
        arguments={"invoice": 7, "amount": "12.50"},
        rule=ApprovalRule(operations=("invoices.*",), roles=("finance",), required=2),
        expires_at=_LATER,
        requested_by="0a1b2c3d4e5f",
    ),
    ApprovalVoteCast(vote=ApprovalVote(by="5f4e3d2c1b0a", decision="approve", reason="As agreed with the customer.")),
    ApprovalGranted(),
    ApprovalRefused(),
    ApprovalExpired(),
    ApprovalWithdrawn(),
    ApprovalUsed(),
    BudgetSet(
        budget_id=_BUDGET,
        scope="workspace",
        amount=Decimal(25),
        currency="USD",
        window=BudgetWindow.DAY,
        warn_fraction=Decimal("0.8"),
        on_breach="input",
    ),
    BudgetChanged(amount=Decimal(50), on_breach="input", spent=Decimal("25.10")),
    BudgetNearlySpent(spent=Decimal("20.40"), amount=Decimal(25)),
    BudgetExhausted(spent=Decimal("25.10"), amount=Decimal(25)),
    BudgetRemoved(),
)
