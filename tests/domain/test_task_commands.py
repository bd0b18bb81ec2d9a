"""What the commands of a task's client and of its leases lead to, edge cases first."""

import pytest

from contracts.a2a import TaskState
from contracts.events import TaskAttemptStarted, TaskCanceled, TaskFailed, TaskStarted
from domain.rejection import Conflict, NotFound
from domain.task import Lease, LeaseGranted, LeaseRenewed, TaskQueued, evolve_task
from tests.domain.samples import (
    NOON,
    SUBMITTED,
    active_agent,
    appended,
    at,
    cancel,
    complete,
    heartbeat,
    lease,
    leased,
    paused_agent,
    queued,
    retired_agent,
    started,
    submit,
    taken_over,
)
from tests.domain.scenario import given_task


def test_a_task_is_not_submitted_to_an_agent_that_does_not_exist() -> None:
    given_task().when(submit(agent=None)).then_rejected("agent_not_found", NotFound)


def test_a_task_is_not_submitted_to_a_paused_agent() -> None:
    given_task().when(submit(agent=paused_agent())).then_rejected("agent_paused", Conflict)


def test_a_task_is_not_submitted_to_a_retired_agent() -> None:
    given_task().when(submit(agent=retired_agent())).then_rejected("agent_retired", Conflict)


def test_an_id_that_is_taken_cannot_be_submitted() -> None:
    given_task(*queued()).when(submit()).then_rejected("task_exists", Conflict)


def test_a_submitted_task_waits_from_the_time_of_its_submission() -> None:
    task = given_task().when(submit()).then(SUBMITTED, TaskQueued(ready_at=NOON))

    assert task is not None
    assert (task.state, task.generation, task.attempt, task.leases) == (TaskState.SUBMITTED, 1, 0, 0)
    assert task.claimable_at == int(NOON.timestamp()) * 1_000_000


def test_a_task_keeps_the_attempts_that_its_agents_policy_allowed() -> None:
    task = given_task().when(submit()).after

    assert task is not None
    assert task.max_attempts == active_agent().policy.max_attempts == 2


def test_a_leased_task_is_not_given_to_another_worker() -> None:
    given_task(*queued(), *started()).when(lease(59.999999)).then_rejected("task_leased", Conflict)


@pytest.mark.parametrize(
    ("agent", "code"), [(None, "agent_not_found"), (paused_agent(), "agent_paused"), (retired_agent(), "agent_retired")]
)
def test_a_task_is_not_leased_while_its_agent_takes_no_work(agent: object, code: str) -> None:
    given_task(*queued()).when(lease(agent=agent)).then_rejected(code)


def test_the_first_lease_starts_the_task() -> None:
    expires = Lease(number=1, worker="worker-1", seconds=60, expires_at=at(70))

    task = (
        given_task(*queued())
        .when(lease(10))
        .then(TaskStarted(attempt=1, worker="worker-1"), LeaseGranted(lease=expires))
    )

    assert task is not None
    assert (task.state, task.attempt, task.leases, task.generation) == (TaskState.WORKING, 1, 1, 2)
    assert task.claimable_at == int(at(70).timestamp()) * 1_000_000


def test_a_lease_lasts_as_long_as_the_worker_asks() -> None:
    task = given_task(*queued()).when(lease(seconds=7)).after

    assert task is not None
    assert task.lease == Lease(number=1, worker="worker-1", seconds=7, expires_at=at(7))


def test_a_lease_that_ran_out_this_very_moment_is_taken_over() -> None:
    task = (
        given_task(*queued(), *started())
        .when(lease(60, worker="worker-2"))
        .then(TaskAttemptStarted(attempt=2, worker="worker-2"), leased(2, since=60, worker="worker-2"))
    )

    assert task is not None
    assert (task.state, task.attempt, task.leases) == (TaskState.WORKING, 2, 2)


def test_a_task_whose_attempts_are_used_up_fails_instead_of_being_leased() -> None:
    outcome = given_task(*queued(), *started(), *taken_over()).when(lease(120))

    assert outcome.changes is not None
    (failed,) = outcome.changes
    assert isinstance(failed, TaskFailed)
    assert (failed.code, failed.attempt, failed.message) == ("attempts_exhausted", 2, None)
    assert "2 attempts" in failed.reason
    assert outcome.after is not None
    assert (outcome.after.state, outcome.after.lease, outcome.after.attempt) == (TaskState.FAILED, None, 2)


def test_a_heartbeat_renews_from_now_on_and_is_no_event() -> None:
    task = (
        given_task(*queued(), *started())
        .when(heartbeat(seconds_after_noon=50))
        .then(LeaseRenewed(lease=Lease(number=1, worker="worker-1", seconds=60, expires_at=at(110))))
    )

    assert task is not None
    assert (task.generation, task.leases) == (2, 1)


def test_a_heartbeat_may_change_the_leases_length_for_good() -> None:
    renewed = given_task(*queued(), *started()).when(heartbeat(seconds=5)).after

    assert renewed is not None
    assert renewed.lease is not None
    assert (renewed.lease.seconds, renewed.lease.expires_at) == (5, at(5))


def test_a_heartbeat_after_expiry_saves_a_lease_that_nobody_took() -> None:
    task = given_task(*queued(), *started()).when(heartbeat(seconds_after_noon=600)).after

    assert task is not None
    assert task.lease is not None
    assert task.lease.expires_at == at(660)


@pytest.mark.parametrize("number", [None, 0, 2, -1])
def test_a_heartbeat_with_another_number_has_lost_the_lease(number: int | None) -> None:
    given_task(*queued(), *started()).when(heartbeat(number)).then_rejected("lease_lost", Conflict)


def test_a_takeover_fences_the_first_worker() -> None:
    taken = given_task(*queued(), *started(), *taken_over())

    taken.when(complete(1)).then_rejected("lease_lost", Conflict)
    assert taken.when(complete(2)).rejection is None


def test_a_task_that_was_put_back_has_no_lease() -> None:
    task = given_task(*queued(), *started(), TaskQueued(ready_at=at(30)))

    task.when(heartbeat(1)).then_rejected("lease_lost", Conflict)
    assert task.state is not None
    assert task.state.claimable_at == int(at(30).timestamp()) * 1_000_000


def test_a_cancelled_task_is_final_and_has_no_lease() -> None:
    task = given_task(*queued(), *started()).when(cancel("not needed")).then(TaskCanceled(reason="not needed"))

    assert task is not None
    assert (task.state, task.lease, task.claimable_at) == (TaskState.CANCELED, None, None)


def test_cancelling_a_cancelled_task_changes_nothing() -> None:
    given_task(*queued(), TaskCanceled(reason="first")).when(cancel("second")).then()


def test_a_refusal_to_change_a_finished_task_names_its_state() -> None:
    rejection = given_task(*queued(), *started(), TaskCanceled(reason=None)).when(complete()).rejection

    assert rejection is not None
    assert "canceled" in rejection.message


@pytest.mark.parametrize("change", [TaskCanceled(reason=None), appended(), leased(), TaskQueued(ready_at=NOON)])
def test_a_change_of_a_task_that_never_was_cannot_be_applied(change: TaskCanceled) -> None:
    with pytest.raises(NotFound):
        evolve_task(None, change)
