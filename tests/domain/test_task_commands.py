"""What the commands of a task's client and of its leases lead to, edge cases first."""

from datetime import datetime

import pytest

from contracts.a2a import TaskState
from contracts.agents import AgentPolicy, RetryPolicy
from contracts.events import TaskAttemptStarted, TaskCanceled, TaskStarted
from domain.agent import Agent
from domain.rejection import Conflict, Invalid, NotFound
from domain.task import (
    Lease,
    LeaseGranted,
    LeaseRenewed,
    TaskQueued,
    TaskRules,
    evolve_task,
)
from tests.domain.budget_samples import budget, spent_budget
from tests.domain.samples import (
    NOON,
    SUBMITTED,
    active_agent,
    appended,
    at,
    complete,
    existing,
    heartbeat,
    lease,
    lease_number,
    leased,
    paused_agent,
    put_back,
    queued,
    retired_agent,
    started,
    submit,
    taken_over,
)
from tests.domain.scenario import given_task, given_this_task


def agent_with_places(limit: int) -> Agent:
    return active_agent().model_copy(update={"policy": AgentPolicy(max_concurrent_tasks=limit)})


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


def test_a_task_keeps_the_rules_that_its_agents_policy_had() -> None:
    policy = AgentPolicy(max_attempts=7, attempt_seconds=9, retry=RetryPolicy(factor=3))
    task = existing(given_task().when(submit(agent=active_agent().model_copy(update={"policy": policy}))).after)

    assert task.rules == TaskRules(max_attempts=7, attempt_seconds=9, retry=RetryPolicy(factor=3))


@pytest.mark.parametrize(
    ("agent", "code"), [(None, "agent_not_found"), (paused_agent(), "agent_paused"), (retired_agent(), "agent_retired")]
)
def test_a_task_is_not_leased_while_its_agent_takes_no_work(agent: object, code: str) -> None:
    given_task(*queued()).when(lease(agent=agent)).then_rejected(code)


def test_the_first_lease_starts_the_task() -> None:
    expires = Lease(number=lease_number(10), worker="worker-1", seconds=60, expires_at=at(70))

    task = (
        given_task(*queued())
        .when(lease(10))
        .then(TaskStarted(attempt=1, worker="worker-1"), LeaseGranted(lease=expires, at=at(10), is_new_attempt=True))
    )

    assert task is not None
    assert (task.state, task.attempt, task.leases, task.generation) == (TaskState.WORKING, 1, lease_number(10), 2)
    assert (task.claimable_at, task.due_at) == (None, int(at(70).timestamp()) * 1_000_000)


def test_a_lease_lasts_as_long_as_the_worker_asks() -> None:
    task = given_task(*queued()).when(lease(seconds=7)).after

    assert task is not None
    assert task.lease == Lease(number=lease_number(0), worker="worker-1", seconds=7, expires_at=at(7))


@pytest.mark.parametrize("seconds", [59, 60, 600])
def test_a_leased_task_is_nobody_elses_before_the_scheduler_has_put_it_back(seconds: float) -> None:
    given_task(*queued(), *started()).when(lease(seconds)).then_rejected("task_leased", Conflict)


def test_a_task_is_leased_at_the_very_moment_it_is_ready_and_not_a_microsecond_before() -> None:
    task = given_task(*queued(), *started(), *put_back(retry=70))

    task.when(lease(69.999999)).then_rejected("not_ready", Conflict)
    assert task.when(lease(70)).rejection is None


def test_a_takeover_is_the_next_attempt_and_the_next_lease() -> None:
    task = existing(
        given_task(*queued(), *started(), *put_back())
        .when(lease(70, worker="worker-2"))
        .then(TaskAttemptStarted(attempt=2, worker="worker-2"), leased(lease_number(70), since=70, worker="worker-2"))
    )

    assert (task.state, task.attempt, task.leases, task.worker) == (
        TaskState.WORKING,
        2,
        lease_number(70),
        "worker-2",
    )
    assert (task.attempt_started_at, task.running_since) == (at(70), at(70))


def test_a_task_that_may_not_begin_before_a_time_is_not_leased_before_it() -> None:
    task = given_this_task(given_task().when(submit(not_before=at(30))).after)

    task.when(lease(29.999999)).then_rejected("not_ready", Conflict)
    assert existing(task.state).claimable_at == int(at(30).timestamp()) * 1_000_000
    assert task.when(lease(30)).rejection is None


def test_a_time_before_which_it_may_not_begin_that_is_over_holds_nothing_up() -> None:
    task = given_this_task(given_task().when(submit(not_before=at(-30))).after)

    assert task.when(lease(0)).rejection is None


@pytest.mark.parametrize(
    ("deadline", "not_before"), [(at(0), None), (at(-1), None), (at(30), at(30)), (at(29), at(30)), (at(0), at(-5))]
)
def test_a_deadline_that_leaves_no_time_is_refused(deadline: datetime, not_before: datetime | None) -> None:
    given_task().when(submit(deadline=deadline, not_before=not_before)).then_rejected("deadline_too_early", Invalid)


def test_a_deadline_a_microsecond_after_the_beginning_is_accepted() -> None:
    task = existing(given_task().when(submit(deadline=at(30.000001), not_before=at(30))).after)

    assert task.due_at == int(at(30).timestamp()) * 1_000_000 + 1


@pytest.mark.parametrize("slot", [None, 2, 7])
def test_no_task_is_leased_without_a_free_place_of_an_agent_that_has_a_limit(slot: int | None) -> None:
    given_task(*queued()).when(lease(agent=agent_with_places(2), slot=slot)).then_rejected("agent_busy", Conflict)


@pytest.mark.parametrize("slot", [0, 1])
def test_a_lease_keeps_the_place_it_was_given_in(slot: int) -> None:
    task = existing(given_task(*queued()).when(lease(agent=agent_with_places(2), slot=slot)).after)

    assert task.lease is not None
    assert task.lease.slot == slot
    renewed = existing(given_this_task(task).when(heartbeat()).after)
    assert renewed.lease is not None
    assert renewed.lease.slot == slot


def test_no_task_is_leased_while_a_budget_over_it_is_spent() -> None:
    refused = given_task(*queued()).when(lease(budgets=(budget(), spent_budget())))

    refused.then_rejected("budget_exhausted", Conflict)
    assert refused.rejection is not None
    assert "12 of 10" in refused.rejection.message
    assert given_task(*queued()).when(lease(budgets=(budget(),))).rejection is None


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


def test_a_heartbeat_after_expiry_saves_a_lease_that_nobody_has_ended() -> None:
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
    task = given_task(*queued(), *started(), *put_back(retry=70.5))

    task.when(heartbeat(1)).then_rejected("lease_lost", Conflict)
    assert (existing(task.state).claimable_at, existing(task.state).due_at) == (1795348870500000, None)


def test_a_refusal_to_change_a_finished_task_names_its_state() -> None:
    rejection = given_task(*queued(), *started(), TaskCanceled(reason=None)).when(complete()).rejection

    assert rejection is not None
    assert "canceled" in rejection.message


@pytest.mark.parametrize("change", [TaskCanceled(reason=None), appended(), leased(), TaskQueued(ready_at=NOON)])
def test_a_change_of_a_task_that_never_was_cannot_be_applied(change: TaskCanceled) -> None:
    with pytest.raises(NotFound):
        evolve_task(None, change)
