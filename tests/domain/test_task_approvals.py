"""A task that waits for people's approval: how it begins to, and how it goes on or ends."""

import pytest

from contracts.a2a import Part, Role, TaskState
from contracts.approvals import ApprovalStatus
from contracts.events import TaskApprovalRequested, TaskApprovalResolved, TaskRejected, TaskResumed
from domain.rejection import Conflict
from domain.task import LeaseReleased, TaskQueued, WaitBegun, Waiting, WorkContinued
from tests.domain.approval_samples import APPROVAL_ID, await_approval, awaiting, resolve
from tests.domain.command_samples import QUESTION_ID, answer, ask
from tests.domain.samples import at, complete, existing, heartbeat, lease, queued, started
from tests.domain.scenario import given_task, given_this_task

AT_WORK = given_task(*queued(), *started())
NOT_APPROVED = [ApprovalStatus.REFUSED, ApprovalStatus.EXPIRED]


@pytest.mark.parametrize("keeps_lease", [True, False])
def test_asking_for_an_approval_lets_the_task_wait_as_long_as_the_rule_says(keeps_lease: bool) -> None:
    outcome = AT_WORK.when(await_approval(keeps_lease=keeps_lease, expires_in_seconds=30))
    requested = TaskApprovalRequested(
        attempt=1, approval_id=APPROVAL_ID, operation="payments.refund", expires_at=at(30)
    )
    waiting = Waiting(
        kind="approval", request_id=APPROVAL_ID, expires_at=at(30), keeps_lease=keeps_lease, ends_task=True
    )

    released = [] if keeps_lease else [LeaseReleased()]
    task = existing(outcome.then(requested, WaitBegun(waiting=waiting, at=at(0), size=len("{}")), *released))
    assert (task.state, task.lease is None, task.claimable_at) == (TaskState.AUTH_REQUIRED, not keeps_lease, None)


@pytest.mark.parametrize("number", [None, 2])
def test_nobody_asks_for_an_approval_without_the_lease(number: int | None) -> None:
    AT_WORK.when(await_approval(number)).then_rejected("lease_lost", Conflict)


def test_an_approved_task_goes_on_in_the_same_attempt_and_its_worker_is_told() -> None:
    resolved, queued_again = awaiting().when(resolve()).changes or ()

    assert isinstance(resolved, TaskApprovalResolved)
    assert (resolved.status, resolved.ordinal, resolved.message.role) == (ApprovalStatus.APPROVED, 2, Role.USER)
    assert resolved.message.parts == (Part(data={"approval_id": str(APPROVAL_ID), "status": "approved"}),)
    assert queued_again == TaskQueued(ready_at=at(10))
    ready = existing(awaiting().when(resolve()).after)
    assert (ready.state, ready.is_resuming, ready.messages, ready.waiting) == (TaskState.WORKING, True, 2, None)
    resumed = (given_this_task(ready).when(lease(10)).changes or ())[0]
    assert resumed == TaskResumed(attempt=1, worker="worker-1")


def test_a_worker_that_kept_its_lease_goes_on_once_it_is_approved() -> None:
    outcome = awaiting(keeps_lease=True).when(resolve())

    assert (outcome.changes or ())[1] == WorkContinued(at=at(10))
    assert given_this_task(outcome.after).when(complete()).rejection is None


@pytest.mark.parametrize("status", NOT_APPROVED)
@pytest.mark.parametrize("keeps_lease", [True, False])
def test_a_task_that_is_not_approved_is_rejected(status: ApprovalStatus, keeps_lease: bool) -> None:
    outcome = awaiting(keeps_lease=keeps_lease).when(resolve(status))

    _, rejected = outcome.changes or ()
    assert rejected == TaskRejected(attempt=1, reason=f"The approval that the task waited for was {status}.")
    task = existing(outcome.after)
    assert (task.state, task.lease, task.waiting, task.due_at) == (TaskState.REJECTED, None, None, None)
    given_this_task(task).when(heartbeat()).then_rejected("lease_lost", Conflict)


@pytest.mark.parametrize("status", NOT_APPROVED)
def test_a_rule_may_let_the_task_go_on_without(status: ApprovalStatus) -> None:
    outcome = awaiting(on_refusal="resume").when(resolve(status))

    assert (outcome.changes or ())[1] == TaskQueued(ready_at=at(10))
    assert existing(outcome.after).state is TaskState.WORKING


def test_an_approval_is_no_answer_and_an_answer_no_approval() -> None:
    awaiting().when(answer()).then_rejected("nothing_asked", Conflict)
    asked = given_this_task(AT_WORK.when(ask()).after)
    asked.when(resolve().model_copy(update={"approval_id": QUESTION_ID})).then()


def test_a_decision_that_comes_when_the_task_waits_no_more_changes_nothing() -> None:
    resolved = given_this_task(awaiting().when(resolve()).after)

    resolved.when(resolve(ApprovalStatus.REFUSED)).then()
