"""Messages to a task, questions to people and their answers, edge cases first."""

from uuid import UUID

import pytest

from contracts.a2a import TaskState
from contracts.events import TaskInputProvided, TaskInputRequested, TaskMessageAdded, TaskResumed
from domain.rejection import Conflict, Invalid
from domain.task import (
    LeaseReleased,
    LeaseRenewed,
    Task,
    TaskQueued,
    WaitBegun,
    Waiting,
    WorkContinued,
)
from domain.task.add_message import MAX_MESSAGE_BYTES, MAX_MESSAGES
from domain.task.sizes import message_size
from tests.domain.budget_samples import budget, spent_budget
from tests.domain.command_samples import QUESTION, QUESTION_ID, add_message, answer, ask
from tests.domain.samples import (
    MESSAGE,
    append,
    at,
    complete,
    existing,
    heartbeat,
    lease,
    lease_number,
    leased,
    progress,
    queued,
    started,
)
from tests.domain.scenario import When, given_task, given_this_task

AT_WORK = given_task(*queued(), *started())


def asked(**changes: object) -> When[Task]:
    """Return the answer to a question that was asked at noon."""
    return AT_WORK.when(ask(**changes))  # type: ignore[arg-type] # the changes of a sample


def say_what_came(received: int) -> When[Task]:
    task = existing(AT_WORK.state).model_copy(update={"messages": 4})
    return given_this_task(task).when(heartbeat().model_copy(update={"received": received}))


def test_messages_are_numbered_behind_the_first() -> None:
    second = given_task(*queued()).when(add_message()).then(TaskMessageAdded(ordinal=2, message=MESSAGE))
    third = existing(given_this_task(second).when(add_message()).then(TaskMessageAdded(ordinal=3, message=MESSAGE)))

    assert (third.messages, third.generation, third.state) == (3, 3, TaskState.SUBMITTED)


def test_a_message_to_a_task_that_waits_for_an_answer_is_no_answer() -> None:
    task = existing(given_this_task(asked().after).when(add_message()).after)

    assert (task.state, task.messages) == (TaskState.INPUT_REQUIRED, 2)


def test_a_task_takes_a_bounded_number_of_messages() -> None:
    full = existing(AT_WORK.state).model_copy(update={"messages": MAX_MESSAGES})

    given_this_task(full).when(add_message()).then_rejected("too_many_messages", Conflict)
    one_less = full.model_copy(update={"messages": MAX_MESSAGES - 1})
    assert given_this_task(one_less).when(add_message()).rejection is None


def test_a_task_takes_messages_of_a_bounded_size_and_keeps_room_for_answers() -> None:
    size = message_size(MESSAGE)
    waiting = existing(asked().after)
    almost = waiting.model_copy(update={"message_bytes": MAX_MESSAGE_BYTES - size})

    full = given_this_task(existing(given_this_task(almost).when(add_message()).after))
    full.when(add_message()).then_rejected("messages_too_large", Conflict)
    answered = existing(full.when(answer()).after)
    assert answered.message_bytes == MAX_MESSAGE_BYTES + size
    twice = given_this_task(waiting.model_copy(update={"message_bytes": 2 * MAX_MESSAGE_BYTES - size + 1}))
    twice.when(answer()).then_rejected("messages_too_large", Conflict)


@pytest.mark.parametrize("received", [0, 1, 4])
def test_a_heartbeat_with_what_came_changes_nothing_but_the_lease(received: int) -> None:
    outcome = say_what_came(received)

    (renewed,) = outcome.changes or ()
    assert isinstance(renewed, LeaseRenewed)
    assert existing(outcome.after) == existing(outcome.before).model_copy(update={"lease": renewed.lease})


def test_a_message_that_was_never_there_cannot_have_come() -> None:
    say_what_came(5).then_rejected("unknown_message", Invalid)


def test_a_question_gives_the_lease_up_and_lets_the_task_wait() -> None:
    waiting = Waiting(kind="input", request_id=QUESTION_ID, expires_at=at(30), keeps_lease=False)
    requested = TaskInputRequested(
        attempt=1, request_id=QUESTION_ID, message=QUESTION, expires_at=at(30), keeps_lease=False
    )

    task = existing(
        asked(expires_in_seconds=30).then(
            requested, WaitBegun(waiting=waiting, at=at(0), size=message_size(QUESTION)), LeaseReleased()
        )
    )
    assert (task.state, task.lease, task.claimable_at) == (TaskState.INPUT_REQUIRED, None, None)
    assert task.generation == 3


def test_a_worker_that_keeps_its_lease_goes_on_with_its_heartbeats_and_nothing_else() -> None:
    waiting = given_this_task(asked(keeps_lease=True).after)

    assert waiting.when(heartbeat()).rejection is None
    for command in (progress(), append(), complete(), ask()):
        waiting.when(command).then_rejected("wrong_state", Conflict)


def test_a_worker_that_gave_its_lease_up_has_lost_it() -> None:
    given_this_task(asked().after).when(heartbeat()).then_rejected("lease_lost", Conflict)


def test_after_the_answer_any_worker_goes_on_with_the_same_attempt() -> None:
    waiting = given_this_task(asked().after)
    provided = TaskInputProvided(request_id=QUESTION_ID, ordinal=2, message=MESSAGE, is_default=False)
    ready = existing(waiting.when(answer(20)).then(provided, TaskQueued(ready_at=at(20))))

    assert (ready.state, ready.waiting, ready.is_resuming) == (TaskState.WORKING, None, True)
    resumed = existing(
        given_this_task(ready)
        .when(lease(30, worker="worker-2"))
        .then(
            TaskResumed(attempt=1, worker="worker-2"),
            leased(lease_number(30), since=30, worker="worker-2", is_new=False),
        )
    )
    assert (resumed.attempt, resumed.leases, resumed.is_resuming) == (1, lease_number(30), False)
    assert (resumed.attempt_started_at, resumed.running_since, resumed.worker) == (at(0), at(30), "worker-2")


def test_after_the_answer_the_worker_that_kept_its_lease_goes_on() -> None:
    waiting = given_this_task(asked(keeps_lease=True).after)
    provided = TaskInputProvided(request_id=QUESTION_ID, ordinal=2, message=MESSAGE, is_default=False)
    task = existing(waiting.when(answer(20)).then(provided, WorkContinued(at=at(20))))

    assert (task.is_resuming, task.claimable_at) == (False, None)
    assert given_this_task(task).when(complete()).rejection is None
    given_this_task(task).when(lease(20)).then_rejected("task_leased", Conflict)


@pytest.mark.parametrize("request_id", [QUESTION_ID, None])
def test_an_answer_may_name_its_question(request_id: UUID | None) -> None:
    waiting = given_this_task(asked().after)

    assert waiting.when(answer(request_id=request_id)).rejection is None
    waiting.when(answer(request_id=UUID(int=7))).then_rejected("other_question", Conflict)


def test_a_second_answer_comes_too_late() -> None:
    answered = given_this_task(given_this_task(asked().after).when(answer()).after)

    answered.when(answer()).then_rejected("nothing_asked", Conflict)


def test_an_answer_after_the_time_counts_where_the_scheduler_has_not_spoken() -> None:
    waiting = given_this_task(asked(expires_in_seconds=10).after)

    assert waiting.when(answer(11)).rejection is None


def test_no_answer_lets_a_task_go_on_while_a_budget_over_it_is_spent() -> None:
    waiting = given_this_task(asked().after)

    waiting.when(answer(budgets=(spent_budget(),))).then_rejected("budget_exhausted", Conflict)
    assert waiting.when(answer(budgets=(budget(),))).rejection is None
