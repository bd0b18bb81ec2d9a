"""Handing a task back: at once, without an attempt lost, and not for ever."""

from datetime import timedelta

import pytest

from contracts.a2a import TaskState
from contracts.events import TaskFailed, TaskReleased, TaskResumed, TaskUsageReported
from domain.rejection import Conflict
from domain.task import LeaseReleased, Task, WorkPaused
from domain.task.release_task import MAX_RELEASES
from tests.domain.approval_samples import awaiting
from tests.domain.budget_samples import BUDGET_ID
from tests.domain.command_samples import USAGE, answer, ask, release, time_out
from tests.domain.samples import (
    AGENT_ID,
    NOON,
    SUBMITTED,
    at,
    existing,
    fail,
    heartbeat,
    lease,
    lease_number,
    leased,
    queued,
    started,
)
from tests.domain.scenario import given_task, given_this_task
from tests.domain.situations import stop

RELEASED = TaskReleased(attempt=1, worker="worker-1")


def released(seconds: float = 20) -> Task:
    """Return a task that was handed back some seconds after its first lease."""
    outcome = given_task(*queued(), *started()).when(release(1, seconds))
    return existing(outcome.then(RELEASED, WorkPaused(at=at(seconds)), LeaseReleased()))


def test_a_released_task_keeps_working_in_the_eyes_of_clients_and_is_ready_at_once() -> None:
    task = released()

    assert (task.state, task.attempt, task.lease, task.ready_at) == (TaskState.WORKING, 1, None, NOON)
    assert (task.claimable_at is not None, task.due_at) == (True, None)


def test_whoever_leases_it_next_goes_on_with_the_attempt_and_none_is_lost() -> None:
    outcome = given_this_task(released()).when(lease(20, worker="worker-2"))

    number = lease_number(20)
    resumed = TaskResumed(attempt=1, worker="worker-2")
    task = existing(outcome.then(resumed, leased(number, since=20, worker="worker-2", is_new=False)))
    assert (task.attempt, task.attempts) == (1, ())


def test_a_task_with_one_attempt_is_released_and_then_has_still_that_one() -> None:
    once = SUBMITTED.model_copy(update={"max_attempts": 1})
    task = given_task(once, *started()).when(release()).after
    again = given_this_task(given_this_task(task).when(lease(20)).after)

    outcome = again.when(fail(lease_number(20), is_retryable=True))
    assert [event.code for event in outcome.changes or () if isinstance(event, TaskFailed)] == ["attempts_exhausted"]


def test_the_time_that_nobody_has_it_does_not_count_for_the_attempt_and_the_time_before_does() -> None:
    bounded = SUBMITTED.model_copy(update={"attempt_seconds": 30})
    task = given_task(bounded, *started()).when(release(1, 20)).after
    task = existing(given_this_task(task).when(lease(100)).after)

    assert task.attempt_ends_at == at(110)
    assert task.worked == timedelta(seconds=20)


@pytest.mark.parametrize("number", [None, 7])
def test_only_the_worker_that_has_it_releases_it(number: int | None) -> None:
    given_task(*queued(), *started()).when(release(number)).then_rejected("lease_lost", Conflict)


def test_a_released_lease_is_over_and_releasing_it_again_is_refused() -> None:
    for command in (heartbeat(), release()):
        given_this_task(released()).when(command).then_rejected("lease_lost", Conflict)


def test_what_was_used_until_then_is_recorded() -> None:
    used = TaskUsageReported(attempt=1, usage=USAGE, agent_id=AGENT_ID, context_id="c-1", report=1)
    outcome = given_task(*queued(), *started()).when(release(usage=USAGE))

    outcome.then(used, RELEASED, WorkPaused(at=NOON), LeaseReleased())


def test_a_task_that_waits_for_an_answer_goes_on_waiting_and_then_with_the_attempt() -> None:
    asking = given_this_task(given_task(*queued(), *started()).when(ask(keeps_lease=True)).after)
    task = existing(asking.when(release(1, 20)).then(RELEASED, WorkPaused(at=at(20)), LeaseReleased()))

    assert (task.state, task.lease, task.claimable_at) == (TaskState.INPUT_REQUIRED, None, None)
    resumable = existing(given_this_task(task).when(answer(30)).after)
    assert (resumable.is_resuming, resumable.ready_at, resumable.worked) == (True, at(30), timedelta(0))


def test_a_task_that_waits_for_an_approval_goes_on_waiting() -> None:
    task = existing(awaiting(keeps_lease=True).when(release()).after)

    assert (task.state, task.waiting is not None, task.lease) == (TaskState.AUTH_REQUIRED, True, None)


def test_a_budget_that_the_last_report_spent_stops_the_released_task() -> None:
    stopped = given_this_task(given_this_task(released()).when(stop()).after)
    task = existing(stopped.when(answer(30, request_id=BUDGET_ID)).after)

    assert (task.attempt, task.is_resuming) == (1, True)


def test_a_release_that_nobody_leases_waits_for_ever_but_for_the_deadline() -> None:
    given_this_task(released()).when(time_out(1_000_000)).then()


def test_a_task_does_not_go_from_hand_to_hand_for_ever() -> None:
    often = existing(given_task(*queued(), *started()).state).model_copy(update={"releases": MAX_RELEASES - 1})
    last = given_this_task(often).when(release())

    assert existing(last.after).releases == MAX_RELEASES
    worn = given_this_task(often.model_copy(update={"releases": MAX_RELEASES}))
    worn.when(release()).then_rejected("too_many_releases", Conflict)
