"""Tasks that wait, fail an attempt or are rejected, pure: given what happened before, then the view is this."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from contracts.a2a import Role, TaskState
from contracts.approvals import ApprovalStatus
from contracts.attempts import AttemptRecord
from contracts.events import (
    Event,
    TaskApprovalRequested,
    TaskApprovalResolved,
    TaskAttemptFailed,
    TaskAttemptStarted,
    TaskCanceled,
    TaskFailed,
    TaskInputProvided,
    TaskInputRequested,
    TaskMessageAdded,
    TaskRejected,
    TaskReleased,
    TaskResumed,
    TaskStarted,
    TaskSubmitted,
)
from contracts.views import TaskDetail, TaskTimelineEntry, TaskWaiting
from projectors.projections.rendering import render_view
from projectors.projections.task_changes import project_task_detail
from projectors.projections.task_detail import task_message_row
from projectors.projections.task_timeline import timeline_row
from projectors.projections.tasks import project_task_summary
from tests.projectors.given import ID, at, bytes_of, fold, recorded
from tests.projectors.stories import text_message

JSON = TypeAdapter(dict[str, Any])
REQUEST_ID = UUID("0192f0c4-0000-7000-8000-000000000003")

SUBMITTED = TaskSubmitted(
    task_id=ID,
    agent_id=UUID("0192f0c4-0000-7000-8000-000000000002"),
    context_id="context",
    message=text_message("How is it?", Role.USER),
    priority=7,
    max_attempts=3,
    metadata={},
    reference_task_ids=(),
    not_before=at(30),
    deadline=at(59),
)
STARTED = TaskStarted(attempt=1, worker="first")
ATTEMPT_FAILED = TaskAttemptFailed(attempt=1, code="lease_expired", reason="gone", retry_at=at(20))
ASKED = TaskInputRequested(
    attempt=1,
    request_id=REQUEST_ID,
    message=text_message("Which one?"),
    answer_schema={"type": "string", "default": None},
    expires_at=at(40),
    keeps_lease=False,
)
ANSWERED = TaskInputProvided(
    request_id=REQUEST_ID, ordinal=2, message=text_message("The red one", Role.USER), is_default=False
)
APPROVAL_ASKED = TaskApprovalRequested(attempt=1, approval_id=REQUEST_ID, operation="shop.buy", expires_at=at(50))
REJECTED = TaskRejected(attempt=1, reason="not my job")


def resolved(status: ApprovalStatus) -> TaskApprovalResolved:
    return TaskApprovalResolved(
        approval_id=REQUEST_ID, ordinal=2, status=status, message=text_message(status, Role.USER)
    )


def detail(*events: Event) -> TaskDetail:
    return fold(project_task_detail, [SUBMITTED, *events])


def states(*events: Event) -> tuple[TaskState, TaskState]:
    return detail(*events).status.state, fold(project_task_summary, [SUBMITTED, *events]).state


def test_the_detail_says_when_a_task_may_begin_and_must_be_done() -> None:
    assert (detail().not_before, detail().deadline) == (at(30), at(59))


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([ATTEMPT_FAILED], TaskState.WORKING),
        ([ASKED], TaskState.INPUT_REQUIRED),
        ([ASKED, TaskMessageAdded(ordinal=2, message=text_message("hm", Role.USER))], TaskState.INPUT_REQUIRED),
        ([ASKED, ANSWERED], TaskState.WORKING),
        ([ASKED, ANSWERED, TaskResumed(attempt=1, worker="second")], TaskState.WORKING),
        ([TaskReleased(attempt=1, worker="first")], TaskState.WORKING),
        ([ASKED, TaskReleased(attempt=1, worker="first")], TaskState.INPUT_REQUIRED),
        ([APPROVAL_ASKED], TaskState.AUTH_REQUIRED),
        ([APPROVAL_ASKED, resolved(ApprovalStatus.APPROVED)], TaskState.WORKING),
        ([APPROVAL_ASKED, resolved(ApprovalStatus.REFUSED), REJECTED], TaskState.REJECTED),
        ([ASKED, TaskCanceled(reason=None)], TaskState.CANCELED),
    ],
)
def test_list_and_detail_show_the_same_state(events: list[Event], state: TaskState) -> None:
    assert states(STARTED, *events) == (state, state)


def test_an_attempt_that_came_to_nothing_goes_into_the_history() -> None:
    failed = detail(STARTED, ATTEMPT_FAILED)
    record = AttemptRecord(
        attempt=1, worker="first", started_at=at(2), ended_at=at(3), code="lease_expired", reason="gone"
    )
    assert (failed.attempts, failed.retry_at, failed.attempt_started_at) == ((record,), at(20), None)
    again = detail(STARTED, ATTEMPT_FAILED, TaskAttemptStarted(attempt=2, worker="second"))
    assert (again.attempts, again.retry_at, again.attempt_started_at) == ((record,), None, at(4))


def test_an_attempt_that_waited_is_recorded_under_who_took_it_up_again() -> None:
    waited = detail(STARTED, ASKED, ANSWERED, TaskResumed(attempt=1, worker="second"), ATTEMPT_FAILED)
    assert [(attempt.worker, attempt.started_at) for attempt in waited.attempts] == [("second", at(2))]


def test_a_failure_brings_the_whole_history_and_leaves_nothing_open() -> None:
    history = tuple(
        AttemptRecord(attempt=n, worker="w", started_at=at(n), ended_at=at(n + 1), code="lease_expired") for n in (1, 2)
    )
    given_up = TaskFailed(attempt=2, code="attempts_exhausted", reason="two attempts", attempts=history)
    failed = detail(STARTED, ATTEMPT_FAILED, given_up)
    assert (failed.attempts, failed.retry_at, failed.attempt_started_at) == (history, None, None)


def test_a_question_is_shown_until_it_is_answered() -> None:
    assert detail(STARTED, ASKED).waiting == TaskWaiting(
        kind="input",
        request_id=REQUEST_ID,
        approval_id=None,
        message=text_message("Which one?"),
        answer_schema={"type": "string", "default": None},
        operation=None,
        expires_at=at(40),
    )
    answered = detail(STARTED, ASKED, ANSWERED)
    assert (answered.waiting, answered.status.message, answered.status.timestamp) == (None, ANSWERED.message, at(4))


def test_an_approval_is_shown_until_it_is_decided() -> None:
    waiting = detail(STARTED, APPROVAL_ASKED).waiting
    assert waiting is not None
    assert (waiting.kind, waiting.approval_id, waiting.operation, waiting.expires_at) == (
        "approval",
        REQUEST_ID,
        "shop.buy",
        at(50),
    )
    assert detail(STARTED, APPROVAL_ASKED, resolved(ApprovalStatus.APPROVED)).waiting is None


@pytest.mark.parametrize("end", [TaskCanceled(reason=None), TaskFailed(attempt=1, code="x", reason="y"), REJECTED])
def test_whoever_ends_a_task_ends_its_wait(end: Event) -> None:
    assert detail(STARTED, ASKED, end).waiting is None


def test_a_rejected_task_says_why() -> None:
    rejected = detail(STARTED, REJECTED)
    assert (rejected.reject_reason, rejected.finished_at) == ("not my job", at(3))


def test_what_is_said_on_the_way_becomes_history() -> None:
    added = TaskMessageAdded(ordinal=2, message=text_message("hm", Role.USER))
    said = [added, ASKED, ANSWERED, resolved(ApprovalStatus.EXPIRED)]
    rows = [
        task_message_row(recorded(event, 2)) for event in [*said, APPROVAL_ASKED, TaskResumed(attempt=1, worker="w")]
    ]
    assert [row is not None for row in rows] == [True, True, True, True, False, False]


def test_a_message_on_the_way_changes_neither_state_nor_status_message() -> None:
    added = detail(STARTED, ASKED, TaskMessageAdded(ordinal=2, message=text_message("hm", Role.USER)))
    assert (added.status.message, added.status.timestamp, added.generation) == (ASKED.message, at(3), 4)


def test_the_timeline_shows_every_step() -> None:
    entry = TaskTimelineEntry.model_validate_json(bytes_of(timeline_row(recorded(ATTEMPT_FAILED, 3))[-1]))
    assert (entry.type, entry.data["code"], entry.data["attempt"]) == ("task.attempt_failed", "lease_expired", 1)


def test_a_waiting_task_survives_being_kept_as_json() -> None:
    for events in ([ASKED], [APPROVAL_ASKED], [ATTEMPT_FAILED]):
        view = detail(STARTED, *events)
        assert TaskDetail.model_validate_json(render_view(view)) == view


def test_a_row_from_before_the_waiting_can_still_be_read() -> None:
    content = JSON.validate_json(render_view(detail(STARTED)))
    later = {"not_before", "deadline", "attempt_started_at", "retry_at", "attempts", "waiting", "reject_reason"}
    old = JSON.dump_json({name: value for name, value in content.items() if name not in later})
    assert TaskDetail.model_validate_json(old).waiting is None
