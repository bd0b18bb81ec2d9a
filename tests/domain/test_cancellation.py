"""Cancelling: at once, for good, and the worker hears of it."""

import pytest

from contracts.a2a import TaskState
from contracts.events import TaskApprovalResolved, TaskCanceled, TaskCompleted, TaskUsageReported
from domain.rejection import Conflict
from domain.task import CancelAcknowledged, CompleteTask, HeartbeatTask, TaskCommand
from tests.domain.approval_samples import await_approval, awaiting
from tests.domain.command_samples import USAGE, acknowledge, ask, time_out
from tests.domain.samples import (
    AGENT_ID,
    cancel,
    complete,
    existing,
    fail,
    heartbeat,
    put_back,
    queued,
    started,
    taken_over,
)
from tests.domain.scenario import given_task, given_this_task
from tests.domain.situations import stop


def test_a_cancelled_task_is_final_and_has_no_lease() -> None:
    task = given_task(*queued(), *started()).when(cancel("not needed")).then(TaskCanceled(reason="not needed"))

    assert task is not None
    assert (task.state, task.lease, task.claimable_at) == (TaskState.CANCELED, None, None)


@pytest.mark.parametrize("command", [heartbeat(), complete()])
def test_the_worker_of_a_cancelled_task_is_told_so(command: HeartbeatTask | CompleteTask) -> None:
    given_task(*queued(), *started(), TaskCanceled()).when(command).then_rejected("task_canceled", Conflict)


def test_a_worker_that_was_fenced_before_the_cancellation_has_lost_the_lease() -> None:
    given_task(*queued(), *started(), *taken_over(), TaskCanceled()).when(heartbeat(1)).then_rejected("lease_lost")


def test_a_worker_acknowledges_a_cancellation_and_clients_see_nothing_of_it() -> None:
    canceled = given_task(*queued(), *started(), TaskCanceled())
    task = existing(canceled.when(acknowledge()).then(CancelAcknowledged()))

    assert task.is_cancel_acknowledged
    assert task.generation == existing(canceled.state).generation
    given_this_task(task).when(acknowledge()).then()


@pytest.mark.parametrize("number", [None, 0, 1, 3])
def test_only_the_worker_that_the_cancellation_fenced_acknowledges_it(number: int | None) -> None:
    canceled = given_task(*queued(), *started(), *taken_over(), TaskCanceled())

    canceled.when(acknowledge(number)).then_rejected("lease_lost", Conflict)


def test_a_cancellation_that_no_worker_had_a_lease_for_is_acknowledged_by_none() -> None:
    given_task(*queued(), TaskCanceled()).when(acknowledge(0)).then_rejected("lease_lost", Conflict)


@pytest.mark.parametrize(
    "losing",
    [time_out(60), ask(), stop(), fail(is_retryable=True), await_approval()],
    ids=["lease ran out", "asked", "budget spent", "failed for now", "waits for approval"],
)
def test_a_worker_that_had_no_lease_any_more_when_the_task_was_cancelled_acknowledges_nothing(
    losing: TaskCommand,
) -> None:
    lost = given_this_task(given_task(*queued(), *started()).when(losing).after)
    canceled = given_this_task(lost.when(cancel()).after)

    assert existing(canceled.state).state is TaskState.CANCELED
    canceled.when(acknowledge(usage=USAGE)).then_rejected("lease_lost", Conflict)
    canceled.when(heartbeat()).then_rejected("lease_lost", Conflict)


@pytest.mark.parametrize(("changes", "code"), [((), "wrong_state"), ((TaskCompleted(attempt=1),), "lease_lost")])
def test_what_was_not_cancelled_cannot_be_acknowledged(changes: tuple[TaskCompleted, ...], code: str) -> None:
    given_task(*queued(), *started(), *changes).when(acknowledge()).then_rejected(code, Conflict)


def test_what_was_used_until_the_worker_stopped_is_recorded_and_the_task_stays_cancelled() -> None:
    canceled = given_task(*queued(), *started(), TaskCanceled())
    used = TaskUsageReported(attempt=1, usage=USAGE, agent_id=AGENT_ID, context_id="c-1", report=1)
    task = existing(canceled.when(acknowledge(usage=USAGE)).then(used, CancelAcknowledged()))

    assert (task.state, task.generation) == (TaskState.CANCELED, existing(canceled.state).generation + 1)
    late = existing(given_this_task(task).when(acknowledge(usage=USAGE)).then(used.model_copy(update={"report": 2})))
    assert late == task.model_copy(update={"generation": task.generation + 1, "reports": 2})


def test_cancelling_a_cancelled_task_changes_nothing() -> None:
    given_task(*queued(), TaskCanceled(reason="first")).when(cancel("second")).then()


def test_a_task_that_waits_for_its_next_attempt_is_cancelled() -> None:
    task = existing(given_task(*queued(), *started(), *put_back()).when(cancel()).then(TaskCanceled()))

    assert (task.claimable_at, task.due_at) == (None, None)


@pytest.mark.parametrize("keeps_lease", [True, False])
def test_a_task_that_waits_for_an_answer_is_cancelled_and_waits_no_more(keeps_lease: bool) -> None:
    waiting = given_this_task(given_task(*queued(), *started()).when(ask(keeps_lease=keeps_lease)).after)
    task = existing(waiting.when(cancel()).then(TaskCanceled()))

    assert (task.waiting, task.lease, task.due_at) == (None, None, None)


def test_cancelling_a_task_that_waits_for_an_approval_withdraws_that_first() -> None:
    outcome = awaiting().when(cancel())

    resolved, canceled = outcome.changes or ()
    assert isinstance(resolved, TaskApprovalResolved)
    assert (resolved.status, resolved.ordinal) == ("withdrawn", 2)
    assert canceled == TaskCanceled()
    assert existing(outcome.after).state is TaskState.CANCELED
