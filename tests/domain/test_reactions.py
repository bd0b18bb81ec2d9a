"""What follows in other aggregates, decided together: approvals and their tasks, reports and the budgets over them."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import pytest

from command_api.services.aggregates import Command, Facts
from command_api.services.command_request import Assignment, Outcome
from command_api.services.decisions import decide_all
from contracts.a2a import TaskState
from contracts.approvals import ApprovalStatus
from contracts.events import BudgetRemoved, TaskFailed, TaskInputRequested, TaskUsageReported
from contracts.usage import Usage
from domain.approval import evolve_approval
from domain.budget import Budget, evolve_budget
from domain.rejection import Conflict, NotFound
from domain.task import Task
from tests.domain.approval_samples import APPROVAL_ID, asked, awaiting, vote
from tests.domain.budget_samples import BUDGET_ID, budget, spend, spent_budget
from tests.domain.command_samples import answer, time_out
from tests.domain.samples import (
    AGENT_ID,
    NOON,
    TASK_ID,
    active_agent,
    at,
    cancel,
    complete,
    existing,
    fail,
    lease,
    progress,
    queued,
    started,
)
from tests.domain.scenario import given_task, given_this_task

AT_WORK = existing(given_task(*queued(), *started()).state)
OTHER_BUDGET = UUID(int=2)


def decide(kind: str, aggregate_id: UUID, command: Command, facts: Facts) -> dict[str, Outcome]:
    """Return the outcomes by kind; budgets by their scope."""
    outcomes = decide_all([Assignment(kind, aggregate_id, command)], facts, is_lenient=False)
    return {
        outcome.state.scope if isinstance(outcome.state, Budget) else outcome.assignment.kind: outcome
        for outcome in outcomes
    }


def report(cost: str, *budgets: Budget, task: Task = AT_WORK, currency: str = "USD") -> dict[str, Outcome]:
    """Return what follows from a report of a cost."""
    command = progress(usage=Usage(cost=Decimal(cost), currency=currency))
    return decide("task", TASK_ID, command, with_budgets(*budgets, task=task))


def with_budgets(*budgets: Budget, task: Task = AT_WORK) -> Facts:
    return Facts(at=NOON, tasks={TASK_ID: task}, budgets={each.budget_id: each for each in budgets})


def task_of(outcomes: dict[str, Outcome]) -> Task:
    state = outcomes["task"].state
    assert isinstance(state, Task)
    return state


def names(events: Sequence[object]) -> list[str]:
    return [type(event).__name__ for event in events]


def approval_facts(**rule: object) -> Facts:
    return Facts(
        at=at(10),
        tasks={TASK_ID: existing(awaiting(keeps_lease=False, **rule).state)},
        approvals={APPROVAL_ID: evolve_approval(None, asked(**rule))},
    )


@pytest.mark.parametrize(
    ("decision", "events"),
    [
        ("approve", ["TaskApprovalResolved"]),
        ("refuse", ["TaskApprovalResolved", "TaskRejected"]),
    ],
)
def test_the_deciding_vote_and_what_the_task_does_are_one_decision(decision: str, events: list[str]) -> None:
    outcomes = decide("approval", APPROVAL_ID, vote("ada", decision), approval_facts())  # type: ignore[arg-type] # one of two

    assert names(outcomes["approval"].events)[0] == "ApprovalVoteCast"
    assert names(outcomes["task"].events) == events


def test_a_vote_that_decides_nothing_leaves_the_task_alone() -> None:
    assert set(decide("approval", APPROVAL_ID, vote("ada"), approval_facts(required=2))) == {"approval"}


@pytest.mark.parametrize(
    ("command", "status"), [(cancel(), ApprovalStatus.WITHDRAWN), (time_out(600), ApprovalStatus.EXPIRED)]
)
def test_the_end_of_a_tasks_wait_closes_the_approval(command: Command, status: ApprovalStatus) -> None:
    outcomes = decide("task", TASK_ID, command, approval_facts())

    assert outcomes["approval"].state == evolve_approval(None, asked()).model_copy(
        update={"status": status, "generation": 2}
    )


def test_the_deadline_of_a_task_withdraws_its_approval() -> None:
    facts = approval_facts()
    late = facts.tasks[TASK_ID].model_copy(update={"deadline": at(20)})
    outcomes = decide("task", TASK_ID, time_out(20), Facts(at=at(20), tasks={TASK_ID: late}, approvals=facts.approvals))

    assert names(outcomes["approval"].events) == ["ApprovalWithdrawn"]
    assert names(outcomes["task"].events) == ["TaskApprovalResolved", "TaskFailed"]


def test_a_report_is_counted_by_every_budget_over_the_task_and_by_no_other() -> None:
    scopes = ["workspace", f"agent:{AGENT_ID}", "context:c-1", f"task:{TASK_ID}"]
    over = [budget(scope=scope, budget_id=UUID(int=index)) for index, scope in enumerate(scopes)]
    others = [f"agent:{TASK_ID}", "context:c-2", f"task:{AGENT_ID}"]
    beside = [budget(scope=scope, budget_id=UUID(int=10 + index)) for index, scope in enumerate(others)]

    outcomes = report("2", *over, *beside)
    assert set(outcomes) == {"task", *scopes}
    assert all(
        outcomes[scope].state == over[index].model_copy(update={"spent": Decimal(2)})
        for index, scope in enumerate(scopes)
    )


def test_a_report_of_no_usage_touches_no_budget() -> None:
    assert set(decide("task", TASK_ID, progress(), with_budgets(spent_budget()))) == {"task"}


def test_a_report_below_the_amount_lets_the_task_go_on() -> None:
    outcomes = report("9.999999999", budget())

    assert names(outcomes["workspace"].events) == ["BudgetNearlySpent"]
    assert task_of(outcomes).state is TaskState.WORKING


def test_a_report_that_breaches_a_budget_lets_the_task_wait_for_a_person() -> None:
    outcomes = report("10", budget())
    task = task_of(outcomes)

    assert names(outcomes["workspace"].events) == ["BudgetExhausted"]
    assert names(outcomes["task"].events) == ["TaskUsageReported", "TaskProgressed", "TaskInputRequested"]
    assert (task.state, task.lease, task.generation) == (TaskState.INPUT_REQUIRED, None, 5)
    asked_for = outcomes["task"].events[-1]
    assert isinstance(asked_for, TaskInputRequested)
    assert (asked_for.request_id, asked_for.keeps_lease) == (BUDGET_ID, False)


def test_a_report_that_breaches_a_strict_budget_fails_the_task() -> None:
    outcomes = report("11", budget(on_breach="fail"))

    failed = outcomes["task"].events[-1]
    assert isinstance(failed, TaskFailed)
    assert failed.code == "budget_exhausted"
    assert [record.code for record in failed.attempts] == ["budget_exhausted"]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_budgets_the_strict_one_decides_whichever_comes_first(turn: int) -> None:
    lenient = budget(scope="context:c-1", budget_id=OTHER_BUDGET)
    strict = budget(on_breach="fail")

    assert task_of(report("11", *[lenient, strict][::turn])).state is TaskState.FAILED


def test_two_budgets_that_are_breached_at_once_ask_one_question() -> None:
    outcomes = report("11", budget(), budget(scope="context:c-1", budget_id=OTHER_BUDGET))

    assert names(outcomes["task"].events).count("TaskInputRequested") == 1
    assert names(outcomes["workspace"].events) == names(outcomes["context:c-1"].events) == ["BudgetExhausted"]


@pytest.mark.parametrize(("cost", "currency", "spent"), [("1", "USD", "13"), ("0", "USD", "12"), ("1", "EUR", "12")])
def test_the_one_more_report_of_a_lease_that_was_live_counts_and_stops_its_task(
    cost: str, currency: str, spent: str
) -> None:
    outcomes = report(cost, spent_budget("12"), currency=currency)
    counted = outcomes["workspace"].state

    assert isinstance(counted, Budget)
    assert (counted.spent, outcomes["workspace"].events) == (Decimal(spent), ())
    assert (task_of(outcomes).state, task_of(outcomes).lease) == (TaskState.INPUT_REQUIRED, None)


def test_what_completes_a_task_counts_and_breaches_but_the_task_stays_complete() -> None:
    command = complete(usage=Usage(cost=Decimal(11)))
    outcomes = decide("task", TASK_ID, command, with_budgets(budget()))

    assert names(outcomes["task"].events) == ["TaskUsageReported", "TaskCompleted"]
    assert names(outcomes["workspace"].events) == ["BudgetExhausted"]


def test_an_attempt_that_failed_and_breached_is_followed_by_the_next_not_by_itself() -> None:
    command = fail(usage=Usage(cost=Decimal(11)), is_retryable=True)
    waiting = task_of(decide("task", TASK_ID, command, with_budgets(budget())))

    assert (waiting.state, waiting.attempt, len(waiting.attempts)) == (TaskState.INPUT_REQUIRED, 1, 1)
    early = existing(given_this_task(waiting).when(answer(5)).after)
    assert early.ready_at == at(10), "the delay before the next attempt is kept"
    answered = given_this_task(existing(given_this_task(waiting).when(answer(50)).after))
    assert names(answered.when(lease(50)).changes or ()) == ["TaskAttemptStarted", "LeaseGranted"]


def test_a_budget_that_was_removed_counts_nothing_and_stops_nothing() -> None:
    removed = evolve_budget(spent_budget("12"), BudgetRemoved())

    assert set(report("5", removed)) == {"task"}


def test_spend_for_a_task_that_is_gone_is_refused_whole() -> None:
    facts = Facts(at=NOON, budgets={BUDGET_ID: spent_budget()})
    with pytest.raises(NotFound):
        decide_all([Assignment("budget", BUDGET_ID, spend("1"))], facts, is_lenient=True)


def test_a_refused_assignment_is_left_out_and_the_others_are_decided() -> None:
    facts = Facts(at=NOON, agents={AGENT_ID: active_agent()}, tasks={TASK_ID: AT_WORK})
    assignments = [Assignment("task", TASK_ID, lease(1)), Assignment("task", UUID(int=9), cancel())]

    refused = decide_all(assignments, facts, is_lenient=True)
    assert [outcome.rejection.code for outcome in refused if outcome.rejection] == ["task_leased", "task_not_found"]
    with pytest.raises(Conflict):
        decide_all(assignments, facts, is_lenient=False)


def test_several_commands_for_one_aggregate_follow_one_another() -> None:
    assignments = [
        Assignment("task", TASK_ID, progress(usage=Usage(cost=Decimal(6)))),
        Assignment("task", TASK_ID, progress(fraction=0.9, usage=Usage(cost=Decimal(6)))),
    ]
    outcomes = decide_all(assignments, with_budgets(budget()), is_lenient=False)

    assert [outcome.assignment.kind for outcome in outcomes] == ["task", "budget"]
    assert sum(isinstance(event, TaskUsageReported) for event in outcomes[0].events) == 2
    counted = outcomes[1].state
    assert isinstance(counted, Budget)
    assert counted.spent == Decimal(12)


def test_a_spend_command_alone_is_about_its_task() -> None:
    outcomes = decide("budget", BUDGET_ID, spend("11"), with_budgets(budget()))

    assert task_of(outcomes).state is TaskState.INPUT_REQUIRED
