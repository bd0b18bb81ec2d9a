"""Opening envelopes: at once or step by step comes to the same, and older schema versions come to the newest."""

import json
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

import pytest

from contracts.events import EVENT_TYPES, TaskProgressed
from contracts.streams import shard_of
from contracts.views import TaskTimelineEntry
from infrastructure.postgres import Pool
from projectors.projections import envelopes
from projectors.projections.envelopes import read_recorded
from projectors.projections.task_timeline import TASK_TIMELINE
from projectors.projections.tasks import TASKS
from tests.projectors.given import bytes_of
from tests.projectors.stories import Written, agent_story, approval_story, budget_story, envelope_of, task_story, write
from tests.rebuild.rebuilds import project_everything
from tests.roots import root_in
from tests.servers import TEST_SHARDS

_APPEND = "SELECT * FROM log.append_events($1, $2, $3, 'default', $4, $5, $6, $5, $7)"


def _changed(written: Written, **changes: object) -> bytes:
    return json.dumps(json.loads(envelope_of(written)) | changes).encode()


async def _append(pool: Pool, written: Written, envelope: bytes) -> None:
    shard = shard_of(written.root, TEST_SHARDS)
    arguments = ([written.event_id], [written.event.type], ["task"], [written.root], [written.generation], [envelope])
    await pool.execute(_APPEND, shard, *arguments)


def test_what_is_opened_at_once_is_what_is_opened_step_by_step(
    randomness: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = [
        story(randomness) for story in (task_story, agent_story, approval_story, budget_story) for _ in range(60)
    ]
    written = [envelope_of(each) for story in stories for each in story]
    at_once = [envelopes._read_at_once(each) for each in written]  # noqa: SLF001 - the two ways are compared here
    assert None not in at_once
    monkeypatch.setattr(envelopes, "_OPENERS", {})
    for quick, each in zip(at_once, written, strict=True):
        slow = read_recorded(each)
        assert quick is not None
        assert (quick.event, quick.read_data()) == (slow.event, slow.read_data())
        for name in ("event_id", "type", "time", "generation", "workspace_id", "aggregate_id"):
            assert getattr(quick, name) == getattr(slow, name)


def test_the_data_that_the_timeline_shows_are_those_of_the_event_as_they_would_be_written_anew(
    randomness: Random,
) -> None:
    events = [each for _ in range(100) for each in task_story(randomness)]
    assert {"task.artifact_appended", "task.usage_reported"} <= {each.event.type for each in events}
    for each in events:
        [table] = TASK_TIMELINE.rows
        row = table.row(read_recorded(envelope_of(each)))
        assert row is not None
        body = bytes_of(row[-1])
        assert TaskTimelineEntry.model_validate_json(body).model_dump_json().encode() == body


@pytest.mark.parametrize(
    "change",
    [
        lambda envelope: {**envelope, "later": {"data": 1}},
        lambda envelope: {"data": envelope.pop("data"), **envelope},
        lambda envelope: {"x": {"a": 1, "data": {}}, **envelope},
        lambda envelope: {"x": ',"data":{}}', **envelope},
        lambda envelope: envelope,
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_data_are_found_wherever_they_stand(
    randomness: Random, change: Callable[[dict[str, Any]], dict[str, Any]], separators: tuple[str, str]
) -> None:
    for each in task_story(randomness):
        envelope = envelope_of(each)
        changed = json.dumps(change(json.loads(envelope)), separators=separators).encode()
        assert json.loads(read_recorded(changed).read_data()) == json.loads(envelope)["data"]


def test_every_event_type_can_be_opened_at_once() -> None:
    assert envelopes._OPENERS.keys() == EVENT_TYPES.keys()  # noqa: SLF001 - see above


@pytest.fixture
def older_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress said percent in schema version 1, and says a fraction since."""

    def upcast(data: Any) -> dict[str, Any]:  # noqa: ANN401 - plain JSON
        return {**{name: value for name, value in data.items() if name != "percent"}, "fraction": data["percent"] / 100}

    monkeypatch.setattr(TaskProgressed, "schema_version", 2)
    monkeypatch.setattr("contracts.upcasters.UPCASTERS", {("task.progressed", 1): upcast})


@pytest.mark.usefixtures("older_progress")
async def test_an_event_of_an_older_schema_version_is_projected_as_one_of_the_newest(
    pool: Pool, randomness: Random
) -> None:
    submitted, started, *_ = task_story(randomness)
    progressed = Written(UUID(int=3), submitted.root, 3, TaskProgressed(attempt=1, fraction=0.25, message=None))
    await write(pool, [submitted, started])
    await _append(pool, progressed, _changed(progressed, schemaversion=1, data={"attempt": 1, "percent": 25}))

    await project_everything(pool, (TASKS, TASK_TIMELINE))

    [[task]] = await pool.fetch("SELECT body FROM read.task_list")
    [[entry]] = await pool.fetch("SELECT body FROM read.task_timeline WHERE generation = 3")
    assert json.loads(task)["progress"] == 0.25
    assert json.loads(entry)["data"] == {"attempt": 1, "fraction": 0.25}


async def test_an_event_of_a_newer_schema_version_parks_with_its_root_alone_and_says_why(
    pool: Pool, randomness: Random
) -> None:
    shard = 3
    newer, other = (
        task_story(randomness, root_in(shard, randomness)),
        task_story(randomness, root_in(shard, randomness)),
    )
    await write(pool, newer[:1])
    await _append(pool, newer[1], _changed(newer[1], schemaversion=2))
    await write(pool, other)

    await project_everything(pool, (TASKS,))

    [[root, error]] = await pool.fetch("SELECT root_id, error FROM read.parked_roots WHERE projection = 'tasks'")
    assert root == newer[0].root
    assert "task.started has schema version 2, this release knows 1: update it" in error
    generations = await pool.fetch(
        "SELECT task_id, convert_from(body, 'UTF8')::json ->> 'generation' FROM read.task_list"
    )
    assert dict(map(tuple, generations)) == {newer[0].root: "1", other[0].root: str(len(other))}
