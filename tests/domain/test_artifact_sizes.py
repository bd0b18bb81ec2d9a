"""How much artifacts may hold: a chunk more than fits is refused, and what is begun anew gives its room back."""

from contracts.a2a import Artifact, Part
from domain.rejection import Conflict
from domain.task import AppendArtifact, Task, TaskCommand
from domain.task.append_artifact import MAX_ARTIFACT_BYTES, MAX_TASK_BYTES
from domain.task.sizes import artifact_size
from domain.task.state import ArtifactState
from tests.domain.samples import at, queued, started
from tests.domain.scenario import Given, given_task, given_this_task

CHUNK = Artifact(artifact_id="a", parts=(Part(text="x" * 100), Part(data={"n": 1})))
SIZE = artifact_size(CHUNK)


def append(*, goes_on: bool = True, name: str = "a") -> AppendArtifact:
    artifact = CHUNK.model_copy(update={"artifact_id": name})
    return AppendArtifact(at=at(3), lease_number=1, artifact=artifact, append=goes_on, last_chunk=False)


def holding(**sizes: int) -> Given[Task, TaskCommand]:
    """Return a task whose artifacts, all begun by the running attempt, hold so many bytes."""
    task = given_task(*queued(), *started()).state
    assert isinstance(task, Task)
    artifacts = {name: ArtifactState(attempt=1, is_closed=False, size=size) for name, size in sizes.items()}
    return given_this_task(task.model_copy(update={"artifacts": artifacts}))


def sizes(task: object) -> dict[str, int]:
    assert isinstance(task, Task)
    return {name: artifact.size for name, artifact in task.artifacts.items()}


def test_chunks_add_up_in_their_bytes() -> None:
    assert len('{"artifact_id":"a","parts":[{"text":""},{"data":{"n":1}}]}') + 100 == SIZE
    begun = holding().when(append(goes_on=False)).after
    assert sizes(begun) == {"a": SIZE}
    assert isinstance(begun, Task)
    assert sizes(given_this_task(begun).when(append()).after) == {"a": 2 * SIZE}


def test_all_that_stands_beside_the_parts_counts() -> None:
    beside = {"name": "n" * 100, "description": "d" * 1000, "metadata": {"m": "x" * 10_000}}

    assert artifact_size(CHUNK.model_copy(update=beside)) == SIZE + 11_100 + len(
        ',"name":"","description":"","metadata":{"m":""}'
    )


def test_an_artifact_takes_what_just_fits_and_nothing_more() -> None:
    full = holding(a=MAX_ARTIFACT_BYTES - SIZE).when(append()).after
    assert sizes(full) == {"a": MAX_ARTIFACT_BYTES}
    holding(a=MAX_ARTIFACT_BYTES - SIZE + 1).when(append()).then_rejected("artifact_too_large", Conflict)


def test_the_artifacts_of_a_task_together_take_what_just_fits_and_nothing_more() -> None:
    assert sizes(holding(a=1, b=MAX_TASK_BYTES - SIZE - 1).when(append()).after)["a"] == SIZE + 1
    holding(a=1, b=MAX_TASK_BYTES - SIZE).when(append()).then_rejected("artifacts_too_large", Conflict)
    holding(b=MAX_TASK_BYTES).when(append(goes_on=False)).then_rejected("artifacts_too_large", Conflict)


def test_an_artifact_that_a_later_attempt_begins_anew_gives_its_room_back() -> None:
    task = holding(a=MAX_ARTIFACT_BYTES, b=MAX_TASK_BYTES - MAX_ARTIFACT_BYTES).state
    assert isinstance(task, Task)
    of_before = {name: each.model_copy(update={"attempt": 0}) for name, each in task.artifacts.items()}
    again = given_this_task(task.model_copy(update={"artifacts": of_before}))

    assert sizes(again.when(append(goes_on=False)).after)["a"] == SIZE
