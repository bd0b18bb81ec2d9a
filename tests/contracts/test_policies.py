"""Rules that people set: who must approve what, which window a moment lies in, how long a retry waits."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.agents import AgentPolicy, RetryPolicy
from contracts.approvals import ApprovalRule
from contracts.budgets import BudgetAmount, BudgetScope, BudgetWindow, window_end, window_start

LEAP_DAY = datetime(2028, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
TASK = "task:01a1ff4e-7a00-7000-8000-00000000000b"


@pytest.mark.parametrize(
    ("pattern", "operation", "is_covered"),
    [
        ("payments.refund", "payments.refund", True),
        ("payments.refund", "payments.refunds", False),
        ("payments.refund", "Payments.refund", False),
        ("payments.*", "payments.refund", True),
        ("payments.*", "payments.", True),
        ("payments.*", "payments", False),
        ("*", "anything", True),
        ("*.delete", "db.delete", True),
        ("*.delete", "db.deleted", False),
        ("db*drop", "dbdrop", True),
        ("db*drop", "db.drops", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a*a", "a", False),
        ("**", "anything", True),
    ],
)
def test_a_rule_covers_an_operation_or_those_that_its_stars_leave_open(
    pattern: str, operation: str, is_covered: bool
) -> None:
    assert ApprovalRule(operations=("other", pattern), roles=("r",)).covers(operation) == is_covered


@pytest.mark.parametrize(
    "changes",
    [
        {"roles": ()},
        {"operations": ()},
        {"operations": ("a b",)},
        {"roles": ("Treasurer",)},
        {"required": 0},
        {"refusals": 0},
        {"expires_in_seconds": 0},
        {"on_refusal": "ignore"},
        {"approver": "ada"},
    ],
)
def test_a_rule_under_which_nobody_could_decide_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ApprovalRule.model_validate({"operations": ("pay",), "roles": ("treasurer",), **changes})


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        (BudgetWindow.TOTAL, None, None),
        (BudgetWindow.DAY, datetime(2028, 2, 29, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
        (BudgetWindow.MONTH, datetime(2028, 2, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_lies_in_one_window(window: BudgetWindow, start: datetime | None, end: datetime | None) -> None:
    assert window_start(window, LEAP_DAY) == start
    assert window_end(window, start) == end


@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_ends_where_the_next_begins(month: int) -> None:
    start = datetime(2027, month, 1, tzinfo=UTC)
    end = window_end(BudgetWindow.MONTH, start)

    assert end == datetime(2027 + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    assert window_start(BudgetWindow.MONTH, end) == end


@pytest.mark.parametrize("window", BudgetWindow)
def test_a_budget_of_which_nothing_was_spent_has_no_end(window: BudgetWindow) -> None:
    assert window_end(window, None) is None


@pytest.mark.parametrize("scope", ["workspace", TASK, "agent:" + TASK[5:], "context:c-1", "context:" + "x" * 128])
def test_a_scope_names_what_a_budget_bounds(scope: str) -> None:
    assert TypeAdapter(BudgetScope).validate_python(scope) == scope


@pytest.mark.parametrize(
    "scope", ["", "everything", "task:x", "context:", "context:a b", "context:" + "x" * 129, "agent:"]
)
def test_what_is_no_scope_is_refused(scope: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(BudgetScope).validate_python(scope)


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "0.0000000001", "1e18"])
def test_an_amount_is_above_nothing_and_bounded(amount: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(BudgetAmount).validate_python(Decimal(amount))


@pytest.mark.parametrize(
    "changes",
    [
        {"base_seconds": -1},
        {"factor": 0.9},
        {"factor": "nan"},
        {"jitter": 1.1},
        {"cap_seconds": "inf"},
        {"never_retried": [""]},
    ],
)
def test_a_retry_policy_has_bounds(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RetryPolicy.model_validate(changes)


@pytest.mark.parametrize("changes", [{"attempt_seconds": 0}, {"max_concurrent_tasks": 0}, {"max_attempts": 101}])
def test_an_agents_policy_has_bounds(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AgentPolicy.model_validate(changes)
