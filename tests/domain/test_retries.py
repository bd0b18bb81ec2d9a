"""How an attempt fails, and what follows: another attempt after a delay, or the end with the whole history."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.a2a import Message, Part, Role, TaskState
from contracts.agents import RetryPolicy
from contracts.events import TaskAttemptFailed, TaskFailed, TaskRejected, TaskUsageReported
from contracts.usage import Usage
from domain.rejection import Conflict
from domain.task import AttemptRecorded, Task, TaskQueued, TaskRules
from domain.task.attempts import retry_delay
from tests.domain.command_samples import reject, time_out
from tests.domain.samples import at, attempt, existing, fail, lease, queued, started, taken_over
from tests.domain.scenario import given_task, given_this_task

AT_WORK = given_task(*queued(), *started())
SECOND = given_task(*queued(), *started(), *taken_over())
WORD = Message(message_id="m-9", role=Role.AGENT, parts=(Part(text="sorry"),))


def with_rules(attempt_number: int = 1, max_attempts: int = 100, **retry: float) -> Task:
    """Return a task in an attempt under a retry policy."""
    rules = TaskRules(max_attempts=max_attempts, attempt_seconds=None, retry=RetryPolicy.model_validate(retry))
    return existing(AT_WORK.state).model_copy(update={"rules": rules, "attempt": attempt_number})


def test_a_failure_that_is_not_for_now_ends_the_task_whatever_attempts_are_left() -> None:
    outcome = AT_WORK.when(fail(at=at(3)))

    outcome.then(
        TaskFailed(attempt=1, code="no_data", reason="nothing in it", attempts=(attempt(code="no_data", ended=3),))
    )
    assert existing(outcome.after).attempts == (attempt(code="no_data", ended=3),)


def test_a_failure_for_now_puts_the_task_back_after_the_policys_delay() -> None:
    task = existing(
        AT_WORK.when(fail(at=at(3), is_retryable=True, message=WORD)).then(
            TaskAttemptFailed(attempt=1, code="no_data", reason="nothing in it", retry_at=at(13), message=WORD),
            AttemptRecorded(record=attempt(code="no_data", ended=3)),
            TaskQueued(ready_at=at(13)),
        )
    )

    assert (task.state, task.lease, task.attempt, task.generation) == (TaskState.WORKING, None, 1, 3)
    assert (task.claimable_at, task.due_at) == (int(at(13).timestamp()) * 1_000_000, None)


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_the_delay_is_shorter_by_a_random_share_of_the_jitter(share: float) -> None:
    task = existing(AT_WORK.when(fail(is_retryable=True, share=share)).after)

    assert task.ready_at == at(10 * (1 - 0.5 * share))


def test_a_code_that_is_never_retried_ends_the_task() -> None:
    outcome = AT_WORK.when(fail(code="poison", is_retryable=True))

    assert [type(change) for change in outcome.changes or ()] == [TaskFailed]
    assert existing(outcome.after).attempts == (attempt(code="poison", ended=0),)


def test_a_worker_that_is_gone_is_not_waited_for_again_where_the_policy_says_so() -> None:
    task = existing(AT_WORK.state)
    rules = task.rules.model_copy(update={"retry": RetryPolicy(never_retried=("lease_expired",))})
    outcome = given_this_task(task.model_copy(update={"rules": rules})).when(time_out(60))

    (failed,) = outcome.changes or ()
    assert isinstance(failed, TaskFailed)
    assert failed.code == "lease_expired"


@pytest.mark.parametrize("command", [fail(2, is_retryable=True, at=at(80)), time_out(130)])
def test_the_last_attempt_that_fails_ends_the_task_with_the_whole_history(command: object) -> None:
    outcome = SECOND.when(command)  # type: ignore[arg-type] # both are commands of a task

    (failed,) = outcome.changes or ()
    assert isinstance(failed, TaskFailed)
    assert (failed.code, failed.attempt) == ("attempts_exhausted", 2)
    assert [(record.attempt, record.worker, record.code) for record in failed.attempts] == [
        (1, "worker-1", "lease_expired"),
        (2, "worker-2", failed.attempts[1].code),
    ]
    assert failed.attempts[1].code in failed.reason
    assert existing(outcome.after).state is TaskState.FAILED


def test_a_worker_that_failed_for_now_has_lost_the_lease() -> None:
    failed = given_this_task(AT_WORK.when(fail(is_retryable=True)).after)

    failed.when(fail(is_retryable=True)).then_rejected("lease_lost", Conflict)


def test_what_was_used_is_reported_before_the_failure() -> None:
    outcome = AT_WORK.when(fail(is_retryable=True, usage=Usage(tool_calls=1)))

    assert isinstance((outcome.changes or ())[0], TaskUsageReported)
    assert existing(outcome.after).generation == 4


def test_a_rejection_is_final_and_needs_no_other_attempt() -> None:
    task = existing(
        AT_WORK.when(reject(message=WORD)).then(TaskRejected(attempt=1, reason="not my trade", message=WORD))
    )

    assert (task.state, task.lease, task.due_at) == (TaskState.REJECTED, None, None)


@pytest.mark.parametrize(("number", "seconds"), [(1, 2), (2, 6), (3, 18), (4, 50), (5, 50), (99, 50), (10_000, 50)])
def test_the_delay_grows_by_the_factor_up_to_the_cap(number: int, seconds: float) -> None:
    task = with_rules(number, base_seconds=2, factor=3, cap_seconds=50, jitter=0)

    assert retry_delay(task, 0.7).total_seconds() == seconds


@given(
    number=st.integers(1, 100),
    share=st.floats(0, 1),
    base=st.floats(0, 86_400),
    factor=st.floats(1, 100),
    cap=st.floats(0, 604_800),
    jitter=st.floats(0, 1),
)
@settings(max_examples=50)
def test_no_delay_is_negative_longer_than_the_cap_or_shorter_than_the_jitter_allows(
    number: int, share: float, base: float, factor: float, cap: float, jitter: float
) -> None:
    task = with_rules(number, base_seconds=base, factor=factor, cap_seconds=cap, jitter=jitter)
    delay, longest = retry_delay(task, share).total_seconds(), retry_delay(task, 0).total_seconds()

    assert 0 <= delay <= longest <= cap + 1e-6
    assert delay >= longest * (1 - jitter) - 1e-6


def test_a_policy_without_delay_makes_the_task_ready_at_once() -> None:
    task = given_this_task(with_rules(base_seconds=0))
    back = given_this_task(task.when(fail(at=at(3), is_retryable=True)).after)

    assert back.when(lease(3)).rejection is None
