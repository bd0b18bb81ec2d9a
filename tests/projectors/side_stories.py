"""What may happen to a task on the way, and the lives of approvals and budgets, as real events, seeded."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from contracts.a2a import Message, Part, Role
from contracts.approvals import ApprovalRule, ApprovalStatus, ApprovalVote
from contracts.budgets import BudgetWindow
from contracts.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRequested,
    ApprovalUsed,
    ApprovalVoteCast,
    BudgetChanged,
    BudgetExhausted,
    BudgetNearlySpent,
    BudgetSet,
    Event,
    TaskApprovalRequested,
    TaskApprovalResolved,
    TaskAttemptFailed,
    TaskAttemptStarted,
    TaskInputProvided,
    TaskInputRequested,
    TaskMessageAdded,
    TaskReleased,
    TaskResumed,
)

__all__ = ["approval_events", "budget_events", "detour_events"]

_LATER = datetime(2026, 11, 23, tzinfo=UTC)


def _said(text: str, role: Role = Role.USER) -> Message:
    return Message(message_id="m-2", role=role, parts=(Part(text=text),))


def detour_events(randomness: Random) -> list[Event]:
    """Return nothing, or a lost attempt, a question with its answer, or an approval, in any order."""
    id_ = UUID(int=randomness.getrandbits(128))
    lost = TaskAttemptFailed(
        attempt=1, code="lease_expired", reason="gone", retry_at=_LATER, message=_said("sorry", Role.AGENT)
    )
    question = TaskInputRequested(
        attempt=1, request_id=id_, message=_said("Which?"), answer_schema={"default": None}, keeps_lease=False
    )
    answer = TaskInputProvided(request_id=id_, ordinal=2, message=_said("that"), is_default=False)
    approval = TaskApprovalRequested(attempt=1, approval_id=id_, operation="shop.buy", expires_at=_LATER)
    decision = TaskApprovalResolved(
        approval_id=id_, ordinal=3, status=ApprovalStatus.APPROVED, message=_said("approved")
    )
    detours: list[list[Event]] = [
        [],
        [lost, TaskAttemptStarted(attempt=2, worker="worker-2")],
        [question, TaskMessageAdded(ordinal=2, message=_said("hm")), answer, TaskResumed(attempt=1, worker="worker-3")],
        [approval, decision],
        [TaskReleased(attempt=1, worker="worker-1"), TaskResumed(attempt=1, worker="worker-4")],
    ]
    return [event for detour in randomness.sample(detours, 2) for event in detour]


def approval_events(approval_id: UUID, task_id: UUID, randomness: Random) -> list[Event]:
    """Return an approval as far as it came: granted and used, expired, or undecided."""
    requested = ApprovalRequested(
        approval_id=approval_id,
        task_id=task_id,
        agent_id=UUID(int=randomness.getrandbits(128)),
        operation="shop.buy",
        arguments={"amount": randomness.randint(1, 100), "note": None},
        rule=ApprovalRule(operations=("shop.*",), people=("ada",)),
        expires_at=_LATER + timedelta(hours=1),
        requested_by="key",
    )
    vote = ApprovalVoteCast(vote=ApprovalVote(by="ada", decision="approve", reason=None))
    ends: list[list[Event]] = [[vote, ApprovalGranted(), ApprovalUsed()], [ApprovalExpired()], []]
    return [requested, *randomness.choice(ends)]


def budget_events(budget_id: UUID, randomness: Random) -> list[Event]:
    """Return a budget as far as it came."""
    amount = Decimal(randomness.randint(10, 99))
    events: list[Event] = [
        BudgetSet(
            budget_id=budget_id,
            scope=randomness.choice(["workspace", "context:c", f"agent:{budget_id}"]),
            amount=amount,
            currency="USD",
            window=randomness.choice(list(BudgetWindow)),
            warn_fraction=Decimal("0.8"),
            on_breach="input",
        ),
        BudgetNearlySpent(spent=amount - 1, amount=amount),
        BudgetExhausted(spent=amount + 1, amount=amount),
        BudgetChanged(amount=amount * 2, on_breach="fail", spent=amount + 1),
    ]
    return events[: randomness.randint(1, 4)]
