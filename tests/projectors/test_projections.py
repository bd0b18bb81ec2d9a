"""The pure projections: given what happened before, when an event comes, then the view is this."""

from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from contracts.a2a import Artifact, Message, Part, Role, TaskState
from contracts.events import (
    EVENT_TYPES,
    Event,
    TaskArtifactAppended,
    TaskAttemptStarted,
    TaskCanceled,
    TaskCompleted,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSubmitted,
    TaskUsageReported,
)
from contracts.usage import Usage
from contracts.views import TaskDetail, TaskSummary, TaskTimelineEntry
from infrastructure.tables import METADATA
from projectors.projections import PROJECTIONS, ProjectionError, read_recorded
from projectors.projections.rendering import render_view, render_whole
from projectors.projections.task_changes import project_task_detail
from projectors.projections.task_detail import artifact_chunk_row, task_message_row
from projectors.projections.task_timeline import timeline_row
from projectors.projections.tasks import project_task_summary, title_of
from tests.projectors.given import ID, Project, at, bytes_of, fold, recorded
from tests.projectors.stories import envelope_of, number, task_story, text_message

AGENT_ID = UUID("0192f0c4-0000-7000-8000-000000000002")
JSON = TypeAdapter(dict[str, Any])

QUESTION = text_message("How is it?", Role.USER)
SUBMITTED = TaskSubmitted(
    task_id=ID,
    agent_id=AGENT_ID,
    context_id="context",
    message=QUESTION,
    priority=7,
    max_attempts=3,
    metadata={"nothing": None, "large": 2**70},
    reference_task_ids=("other",),
)
STARTED = TaskStarted(attempt=1, worker="first")


def summary(*events: Event) -> TaskSummary:
    return fold(project_task_summary, events)


def detail(*events: Event) -> TaskDetail:
    return fold(project_task_detail, events)


def test_a_submitted_task_stands_in_the_list() -> None:
    assert summary(SUBMITTED) == TaskSummary(
        task_id=ID,
        context_id="context",
        agent_id=AGENT_ID,
        state=TaskState.SUBMITTED,
        title="How is it?",
        priority=7,
        attempt=0,
        progress=None,
        generation=1,
        submitted_at=at(1),
        updated_at=at(1),
        finished_at=None,
    )


def test_progress_is_kept_and_a_message_alone_leaves_it() -> None:
    half = TaskProgressed(attempt=1, fraction=0.5, message=None)
    said = TaskProgressed(attempt=1, fraction=None, message=text_message("going on"))
    assert summary(SUBMITTED, STARTED, half, said).progress == 0.5
    assert detail(SUBMITTED, STARTED, half, said).progress == 0.5


def test_a_new_attempt_keeps_the_state_and_starts_without_progress() -> None:
    half = TaskProgressed(attempt=1, fraction=0.5, message=None)
    taken_over = detail(SUBMITTED, STARTED, half, TaskAttemptStarted(attempt=2, worker="second"))
    assert (taken_over.status.state, taken_over.status.timestamp) == (TaskState.WORKING, at(2))
    assert (taken_over.attempt, taken_over.worker, taken_over.progress) == (2, "second", None)
    assert summary(SUBMITTED, STARTED, half, TaskAttemptStarted(attempt=2, worker="second")).progress is None


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (TaskCompleted(attempt=1, message=None), TaskState.COMPLETED),
        (TaskFailed(attempt=1, code="bad_input", reason="broken", message=None), TaskState.FAILED),
        (TaskCanceled(reason="enough"), TaskState.CANCELED),
    ],
)
def test_a_terminal_event_ends_list_and_detail_alike(event: Event, state: TaskState) -> None:
    assert (summary(SUBMITTED, STARTED, event).state, detail(SUBMITTED, STARTED, event).status.state) == (state, state)
    assert summary(SUBMITTED, STARTED, event).finished_at == at(3) == detail(SUBMITTED, STARTED, event).finished_at


def test_the_detail_says_why_a_task_failed_or_was_canceled() -> None:
    failed = detail(SUBMITTED, STARTED, TaskFailed(attempt=1, code="bad_input", reason="broken", message=None))
    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.reason) == ("bad_input", "broken")
    assert detail(SUBMITTED, TaskCanceled(reason="enough")).cancel_reason == "enough"


def test_the_status_keeps_the_last_message_that_was_said() -> None:
    said = TaskProgressed(attempt=1, fraction=None, message=text_message("going on"))
    status = detail(SUBMITTED, STARTED, said, TaskCompleted(attempt=1, message=None)).status
    assert status.message == text_message("going on")


def test_usage_is_added_up_and_cost_by_currency() -> None:
    reports = [
        TaskUsageReported(attempt=1, usage=Usage(input_tokens=1, cost=Decimal("0.10"), currency="USD")),
        TaskUsageReported(attempt=1, usage=Usage(input_tokens=2, cost=Decimal("0.20"), currency="EUR")),
        TaskUsageReported(attempt=1, usage=Usage(input_tokens=3, cost=Decimal("0.30"), currency="USD")),
    ]
    usage = detail(SUBMITTED, STARTED, *reports).usage
    assert (usage.input_tokens, usage.cost) == (6, {"USD": Decimal("0.40"), "EUR": Decimal("0.20")})


def test_every_message_becomes_a_row_and_nothing_else_does() -> None:
    completed = TaskCompleted(attempt=1, message=text_message("done"))
    rows = [task_message_row(recorded(event, 1)) for event in (SUBMITTED, STARTED, completed, TaskCanceled(reason=""))]
    assert [row is not None for row in rows] == [True, False, True, False]


def test_a_message_goes_out_without_empty_fields() -> None:
    row = task_message_row(recorded(SUBMITTED, 1))
    assert row is not None
    assert row[:3] == (ID, 1, "default")
    body = JSON.validate_json(bytes_of(row[3]))
    assert body["parts"] == [{"text": "How is it?"}]
    assert Message.model_validate(body) == QUESTION


def test_a_chunk_becomes_a_row_that_says_whether_it_continues() -> None:
    artifact = Artifact(artifact_id="report", parts=(Part(data=None),))
    chunk = TaskArtifactAppended(attempt=1, artifact=artifact, append=True, last_chunk=False)
    row = artifact_chunk_row(recorded(chunk, 4))
    assert row is not None
    assert row[:-1] == (ID, 4, "default", "report", True, False)
    assert JSON.validate_json(bytes_of(row[-1])) == {"artifact_id": "report", "parts": [{"data": None}]}


def test_the_timeline_leaves_out_an_artifacts_parts() -> None:
    artifact = Artifact(artifact_id="report", name="Report", parts=(Part(text="long"),))
    chunk = TaskArtifactAppended(attempt=1, artifact=artifact, append=False, last_chunk=True)
    entry = TaskTimelineEntry.model_validate_json(bytes_of(timeline_row(recorded(chunk, 4))[-1]))
    assert (entry.type, entry.generation, entry.data["last_chunk"]) == ("task.artifact_appended", 4, True)
    assert isinstance(entry.data["artifact"], dict)
    assert (entry.data["artifact"]["name"], "parts" in entry.data["artifact"]) == ("Report", False)


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ((Part(text="  one\n\ttwo  "),), "one two"),
        ((Part(data={"text": "no"}), Part(text="  "), Part(text="yes")), "yes"),
        ((Part(url="https://example.org"),), ""),
        ((Part(text="word " * 100),), ("word " * 24)[:120]),
        ((Part(text="ß" * 500_000),), "ß" * 120),
    ],
)
def test_a_title_is_the_first_text_on_one_line(parts: tuple[Part, ...], title: str) -> None:
    assert title_of(Message(message_id="m", role=Role.USER, parts=parts)) == title


@pytest.mark.parametrize("project", [project_task_summary, project_task_detail])
def test_an_event_that_does_not_follow_is_refused[View](project: Project[View]) -> None:
    with pytest.raises(ProjectionError, match="not there"):
        project(None, recorded(STARTED, 2))
    view = project(None, recorded(SUBMITTED, 1))
    with pytest.raises(ProjectionError, match="is generation 3"):
        project(view, recorded(STARTED, 3))
    with pytest.raises(ProjectionError, match="is there at 1"):
        project(view, recorded(SUBMITTED, 1))


def test_a_view_survives_being_kept_as_json() -> None:
    view = detail(SUBMITTED, STARTED, TaskProgressed(attempt=1, fraction=0.1, message=text_message("on")))
    assert TaskDetail.model_validate_json(render_view(view)) == view
    assert TaskSummary.model_validate_json(render_whole(summary(SUBMITTED))) == summary(SUBMITTED)


def test_a_rendered_view_has_all_its_fields_and_no_empty_optional_ones() -> None:
    content = JSON.validate_json(render_view(detail(SUBMITTED)))
    assert list(content) == list(TaskDetail.model_fields)
    assert content["status"] == {"state": "submitted", "message": None, "timestamp": "2026-11-22T12:00:01Z"}
    assert content["metadata"] == {"nothing": None, "large": 2**70}
    said = TaskProgressed(attempt=1, fraction=None, message=text_message("on"))
    status = JSON.validate_json(render_view(detail(SUBMITTED, STARTED, said)))["status"]
    assert status["message"]["parts"] == [{"text": "on"}]


def test_every_event_type_concerns_a_projection() -> None:
    assert frozenset(EVENT_TYPES) == frozenset().union(*(projection.event_types for projection in PROJECTIONS))


def test_every_projection_writes_tables_of_its_own_with_rows_as_wide_as_they() -> None:
    names = [table.table for projection in PROJECTIONS for table in projection.views]
    names += [table.table for projection in PROJECTIONS for table in projection.rows]
    assert len(names) == len(set(names))
    stories = [task_story(Random(seed)) for seed in range(10)]
    story = [read_recorded(envelope_of(written)) for lived in stories for written in lived]
    for projection in PROJECTIONS:
        for table in projection.rows:
            rows = [row for row in map(table.row, story) if row is not None]
            assert {len(row) for row in rows} == {len(METADATA.tables[f"read.{table.table}"].columns)}


def test_an_envelope_is_read_as_it_was_written() -> None:
    [written] = number(Random(1), ID, [SUBMITTED])
    read = read_recorded(envelope_of(written))
    assert (read.event, read.event_id, read.generation) == (SUBMITTED, written.event_id, 1)
    assert (read.aggregate_id, read.workspace_id) == (ID, "default")
