"""What time alone leads to: nothing a microsecond early, the right thing at the moment itself, and nothing twice."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from contracts.a2a import TaskState
from contracts.approvals import ApprovalStatus
from contracts.events import TaskApprovalResolved, TaskAttemptFailed, TaskFailed, TaskInputProvided, TaskRejected
from domain.task import LeaseReleased, Task, TaskCommand, TaskQueued, WorkContinued
from tests.domain.approval_samples import awaiting, resolve
from tests.domain.command_samples import answer, ask, time_out
from tests.domain.samples import (
    MESSAGE,
    SUBMITTED,
    append,
    at,
    attempt,
    existing,
    heartbeat,
    lease,
    progress,
    put_back,
    queued,
    started,
)
from tests.domain.scenario import Given, given_task, given_this_task

AT_WORK = given_task(*queued(), *started())
INSTANT = 0.000001


def limited(seconds: int) -> Given[Task, TaskCommand]:
    """Return a task at work since noon whose attempts may last so long."""
    submitted = SUBMITTED.model_copy(update={"attempt_seconds": seconds})
    return given_task(submitted, TaskQueued(ready_at=at(0)), *started())


def after(given: Given[Task, TaskCommand], *commands: TaskCommand) -> Given[Task, TaskCommand]:
    """Return the task after commands that are all accepted."""
    for command in commands:
        outcome = given.when(command)
        assert outcome.rejection is None, outcome.rejection
        given = given_this_task(outcome.after)
    return given


def microseconds(seconds: float) -> int:
    return int(at(0).timestamp()) * 1_000_000 + round(seconds * 1_000_000)


def due(given: Given[Task, TaskCommand]) -> int | None:
    return existing(given.state).due_at


def test_a_lease_that_nobody_renewed_ends_the_attempt_at_its_last_moment() -> None:
    AT_WORK.when(time_out(60 - INSTANT)).then()
    task = existing(AT_WORK.when(time_out(60)).then(*put_back(since=60, retry=70)))

    assert (task.lease, task.state, task.due_at) == (None, TaskState.WORKING, None)


def test_a_heartbeat_moves_the_moment_at_which_a_lease_is_missed() -> None:
    renewed = after(AT_WORK, heartbeat(seconds_after_noon=59))

    renewed.when(time_out(60)).then()
    assert due(renewed) == microseconds(119)


@pytest.mark.parametrize("history", [queued(), (*queued(), *put_back()), (*queued(), *started())])
def test_the_deadline_ends_a_task_that_waits_for_a_worker_or_has_one(history: tuple[object, ...]) -> None:
    task = existing(given_task(*history).state)  # type: ignore[arg-type] # events and facts
    given = given_this_task(task.model_copy(update={"deadline": at(30)}))

    given.when(time_out(30 - INSTANT)).then()
    outcome = given.when(time_out(30))
    failed = existing(outcome.after)
    assert isinstance((outcome.changes or ())[0], TaskFailed)
    assert (failed.state, failed.lease, failed.due_at, failed.claimable_at) == (TaskState.FAILED, None, None, None)


def test_the_deadline_tells_the_history_with_the_attempt_that_it_cut_short() -> None:
    task = existing(AT_WORK.state).model_copy(update={"deadline": at(30)})

    given_this_task(task).when(time_out(31)).then(
        TaskFailed(
            attempt=1,
            code="deadline_exceeded",
            reason="The task's deadline is over.",
            attempts=(attempt(code="deadline_exceeded", ended=31),),
        )
    )


@pytest.mark.parametrize("keeps_lease", [True, False])
def test_the_deadline_ends_a_task_that_waits_for_an_answer(keeps_lease: bool) -> None:
    waiting = after(AT_WORK, ask(expires_in_seconds=10, default=MESSAGE, keeps_lease=keeps_lease))
    given = given_this_task(existing(waiting.state).model_copy(update={"deadline": at(10)}))

    (failed,) = given.when(time_out(10)).changes or ()
    assert isinstance(failed, TaskFailed)
    assert failed.code == "deadline_exceeded"


@pytest.mark.parametrize("keeps_lease", [True, False])
def test_the_deadline_withdraws_the_approval_that_a_task_waits_for(keeps_lease: bool) -> None:
    waiting = existing(awaiting(keeps_lease=keeps_lease).state).model_copy(update={"deadline": at(30)})

    resolved, failed = given_this_task(waiting).when(time_out(30)).changes or ()
    assert isinstance(resolved, TaskApprovalResolved)
    assert isinstance(failed, TaskFailed)
    assert (resolved.status, failed.code) == (ApprovalStatus.WITHDRAWN, "deadline_exceeded")


def test_a_question_that_nobody_answered_fails_the_task() -> None:
    waiting = after(AT_WORK, ask(seconds_after_noon=5, expires_in_seconds=10))

    waiting.when(time_out(15 - INSTANT)).then()
    (failed,) = waiting.when(time_out(15)).changes or ()
    assert isinstance(failed, TaskFailed)
    assert (failed.code, failed.attempts) == ("input_expired", (attempt(code="input_expired", ended=15),))


@pytest.mark.parametrize("keeps_lease", [True, False])
def test_a_default_answers_a_question_that_nobody_did(keeps_lease: bool) -> None:
    asking = ask(seconds_after_noon=5, expires_in_seconds=10, default=MESSAGE, keeps_lease=keeps_lease)
    outcome = after(AT_WORK, asking).when(time_out(15))

    provided, followed = outcome.changes or ()
    assert isinstance(provided, TaskInputProvided)
    assert (provided.is_default, provided.message, provided.ordinal) == (True, MESSAGE, 2)
    assert followed == (WorkContinued(at=at(15)) if keeps_lease else TaskQueued(ready_at=at(15)))
    assert existing(outcome.after).is_resuming == (not keeps_lease)


def test_a_question_without_an_end_is_waited_for_as_long_as_it_takes() -> None:
    waiting = after(AT_WORK, ask())

    assert due(waiting) is None
    waiting.when(time_out(10**9)).then()


@pytest.mark.parametrize("on_refusal", ["reject", "resume"])
def test_an_approval_that_nobody_decided_on_does_what_its_rule_says(on_refusal: str) -> None:
    waiting = awaiting(on_refusal=on_refusal, expires_in_seconds=30)

    waiting.when(time_out(30 - INSTANT)).then()
    resolved, followed = waiting.when(time_out(30)).changes or ()
    assert isinstance(resolved, TaskApprovalResolved)
    assert resolved.status is ApprovalStatus.EXPIRED
    assert isinstance(followed, TaskRejected if on_refusal == "reject" else TaskQueued)


def test_a_kept_lease_that_ran_out_is_given_up_without_an_end_of_the_attempt() -> None:
    waiting = after(AT_WORK, ask(keeps_lease=True))
    released = after(waiting, time_out(60))

    waiting.when(time_out(60)).then(LeaseReleased())
    assert (due(released), existing(released.state).generation) == (None, existing(waiting.state).generation)
    assert existing(after(released, answer(70), lease(70)).state).attempt == 1


def test_an_attempt_lasts_no_longer_than_it_may_whatever_its_heartbeats_say() -> None:
    alive = after(limited(90), heartbeat(seconds_after_noon=59), heartbeat(seconds_after_noon=89))

    assert due(alive) == microseconds(90)
    alive.when(time_out(90 - INSTANT)).then()
    failed = (alive.when(time_out(90)).changes or ())[0]
    assert isinstance(failed, TaskAttemptFailed)
    assert (failed.code, failed.retry_at) == ("attempt_timeout", at(100))


def test_the_next_attempt_has_its_own_time() -> None:
    second = after(limited(90), heartbeat(seconds=3600), time_out(90), lease(100, seconds=3600))

    assert due(second) == microseconds(190)


@pytest.mark.parametrize("keeps_lease", [True, False])
def test_the_time_an_attempt_waits_does_not_count_and_the_time_before_does(keeps_lease: bool) -> None:
    waiting = after(limited(90), heartbeat(seconds=3600), ask(seconds_after_noon=80, keeps_lease=keeps_lease))
    resumed = after(waiting, answer(1000), *([] if keeps_lease else [lease(1500, seconds=3600)]))
    since = 1000 if keeps_lease else 1500

    assert existing(waiting.state).attempt_ends_at is None
    assert due(resumed) == microseconds(since + 10)
    failed = (resumed.when(time_out(since + 10)).changes or ())[0]
    assert isinstance(failed, TaskAttemptFailed)


def test_an_attempt_that_waits_twice_adds_up() -> None:
    first = after(limited(90), heartbeat(seconds=3600), ask(seconds_after_noon=30, keeps_lease=True), answer(100))
    second = after(first, ask(seconds_after_noon=130, keeps_lease=True, request_id=UUID(int=7)), answer(200))

    assert due(second) == microseconds(230)


@pytest.mark.parametrize("moment", [datetime(2100, 1, 1, microsecond=number * 7, tzinfo=UTC) for number in range(40)])
def test_the_moment_at_which_something_is_due_is_exact_to_the_microsecond(moment: datetime) -> None:
    task = existing(given_task(*queued()).state).model_copy(update={"deadline": moment})
    seconds, rest = divmod(existing(task).due_at or 0, 1_000_000)

    assert (seconds, rest) == (int(moment.replace(microsecond=0).timestamp()), moment.microsecond)


def test_a_late_worker_is_heard_until_the_scheduler_has_spoken() -> None:
    late = progress(at=at(600))

    assert AT_WORK.when(late).rejection is None
    after(AT_WORK, time_out(60)).when(late).then_rejected("lease_lost")
    after(AT_WORK, time_out(60)).when(append()).then_rejected("lease_lost")


def test_an_approval_granted_at_its_last_moment_is_granted() -> None:
    outcome = awaiting(expires_in_seconds=30).when(resolve(seconds_after_noon=30))

    assert existing(outcome.after).state is TaskState.WORKING
