"""What a worker's reports lead to: progress, usage, artifacts in chunks, the end. Edge cases first."""

from decimal import Decimal

import pytest

from contracts.a2a import Message, Part, Role, TaskState
from contracts.events import TaskCompleted, TaskFailed, TaskProgressed, TaskUsageReported
from contracts.usage import Usage
from domain.rejection import Conflict, Invalid
from domain.task import AppendArtifact, Task
from domain.task.append_artifact import MAX_ARTIFACTS
from domain.task.state import ArtifactState
from tests.domain.samples import (
    AGENT_ID,
    append,
    appended,
    attempt,
    complete,
    fail,
    progress,
    queued,
    started,
    taken_over,
)
from tests.domain.scenario import given_task, given_this_task

WORD = Message(message_id="m-9", role=Role.AGENT, parts=(Part(text="done"),))
USED = Usage(input_tokens=3, cost=Decimal("0.25"), currency="EUR", model="m")
AT_WORK = given_task(*queued(), *started())
FIRST_REPORT = TaskUsageReported(attempt=1, usage=USED, agent_id=AGENT_ID, context_id="c-1", report=1)


def test_progress_that_says_nothing_is_invalid() -> None:
    AT_WORK.when(progress(fraction=None)).then_rejected("empty_progress", Invalid)


def test_progress_that_says_nothing_without_a_lease_has_lost_the_lease_first() -> None:
    AT_WORK.when(progress(7, fraction=None)).then_rejected("lease_lost", Conflict)


@pytest.mark.parametrize("fraction", [0, 0.0, 1.0])
def test_progress_at_its_ends_is_said_too(fraction: float) -> None:
    AT_WORK.when(progress(fraction=fraction)).then(TaskProgressed(attempt=1, fraction=fraction, message=None))


def test_the_second_report_of_a_task_says_so() -> None:
    task = AT_WORK.when(progress(fraction=None, usage=USED)).then(FIRST_REPORT)
    assert isinstance(task, Task)
    second = FIRST_REPORT.model_copy(update={"report": 2})
    given_this_task(task).when(progress(fraction=None, usage=USED)).then(second)


def test_usage_alone_is_no_progress() -> None:
    AT_WORK.when(progress(fraction=None, usage=USED)).then(FIRST_REPORT)


def test_a_message_alone_is_progress_without_a_fraction() -> None:
    AT_WORK.when(progress(fraction=None, message=WORD)).then(TaskProgressed(attempt=1, fraction=None, message=WORD))


def test_usage_comes_before_the_progress_it_was_sent_with() -> None:
    task = AT_WORK.when(progress(message=WORD, usage=USED)).then(
        FIRST_REPORT, TaskProgressed(attempt=1, fraction=0.5, message=WORD)
    )

    assert task is not None
    assert (task.generation, task.state) == (4, TaskState.WORKING)


def test_completing_is_final_and_gives_the_lease_back() -> None:
    task = AT_WORK.when(complete(message=WORD, usage=USED)).then(FIRST_REPORT, TaskCompleted(attempt=1, message=WORD))

    assert task is not None
    assert (task.state, task.lease, task.leases, task.generation) == (TaskState.COMPLETED, None, 1, 4)


def test_failing_tells_code_and_reason() -> None:
    task = AT_WORK.when(fail(usage=USED)).then(
        FIRST_REPORT,
        TaskFailed(attempt=1, code="no_data", reason="nothing in it", attempts=(attempt(code="no_data", ended=0),)),
    )

    assert task is not None
    assert (task.state, task.lease) == (TaskState.FAILED, None)


def test_a_chunk_that_goes_on_with_nothing_is_refused() -> None:
    AT_WORK.when(append(goes_on=True)).then_rejected("artifact_unknown", Conflict)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_closed_artifact_takes_no_further_chunk(goes_on: bool) -> None:
    given_task(*queued(), *started(), appended()).when(append(goes_on=goes_on)).then_rejected(
        "artifact_closed", Conflict
    )


def test_an_artifact_is_not_begun_twice_in_one_attempt() -> None:
    begun = given_task(*queued(), *started(), appended(is_last=False))

    begun.when(append(is_last=False)).then_rejected("artifact_exists", Conflict)


def test_a_later_attempt_begins_an_artifact_anew_but_does_not_go_on_with_it() -> None:
    later = given_task(*queued(), *started(), appended(), *taken_over())

    later.when(append(number=2, goes_on=True)).then_rejected("artifact_unknown", Conflict)
    task = later.when(append(number=2, is_last=False)).then(appended(attempt=2, is_last=False))
    assert task is not None
    artifact = task.artifacts["report"]
    assert (artifact.attempt, artifact.is_closed) == (2, False)


def test_an_artifact_arrives_in_chunks_until_its_last() -> None:
    first = given_task(*queued(), *started()).when(append(is_last=False)).then(appended(is_last=False))
    second = given_this_task(first).when(append(goes_on=True, is_last=False)).after
    last = given_this_task(second).when(append(goes_on=True)).then(appended(goes_on=True))

    assert last is not None
    assert (last.artifacts["report"].is_closed, last.generation) == (True, 5)
    given_this_task(last).when(append(goes_on=True)).then_rejected("artifact_closed", Conflict)


def test_two_artifacts_grow_side_by_side() -> None:
    begun = given_task(*queued(), *started(), appended("a", is_last=False), appended("b", is_last=False))

    assert begun.when(append("a", goes_on=True)).rejection is None
    assert begun.when(append("b", goes_on=True)).rejection is None


def _with_artifacts(count: int) -> AppendArtifact:
    """Return a chunk that begins one artifact more than a task with so many has."""
    return append(f"artifact-{count}")


def test_a_task_has_a_bounded_number_of_artifacts() -> None:
    assert AT_WORK.state is not None
    known = {f"artifact-{number}": ArtifactState(attempt=1, is_closed=False) for number in range(MAX_ARTIFACTS)}
    full = given_this_task(AT_WORK.state.model_copy(update={"artifacts": known}))

    full.when(_with_artifacts(MAX_ARTIFACTS)).then_rejected("too_many_artifacts", Conflict)
    assert full.when(append("artifact-0", goes_on=True)).rejection is None
