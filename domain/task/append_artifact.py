"""Hand in a result, whole or in chunks. Source of the chunk rules: A2A 1.0, TaskArtifactUpdateEvent."""

from datetime import datetime

from contracts.a2a import Artifact
from contracts.events import TaskArtifactAppended
from contracts.record import Record
from domain.rejection import Conflict
from domain.task.sizes import artifact_size
from domain.task.state import ArtifactState, Task, require_working_lease

__all__ = ["MAX_ARTIFACTS", "MAX_ARTIFACT_BYTES", "MAX_TASK_BYTES", "AppendArtifact", "decide_append_artifact"]

MAX_ARTIFACTS = 1000
"""Artifacts of one task at the most."""

MAX_ARTIFACT_BYTES = 16 * 2**20
MAX_TASK_BYTES = 64 * 2**20
"""Bytes of one artifact, and of all that a task's artifacts hold now: a query answers with them whole."""


class AppendArtifact(Record):
    """One chunk: `append` false begins an artifact, true goes on with it; `last_chunk` closes it."""

    at: datetime
    lease_number: int | None
    artifact: Artifact
    append: bool
    last_chunk: bool


def decide_append_artifact(command: AppendArtifact, task: Task | None) -> list[TaskArtifactAppended]:
    """Return the chunk; refused where it goes on with nothing, another attempt's or a closed one, or is too much."""
    task = require_working_lease(task, command.lease_number)
    artifact_id = command.artifact.artifact_id
    known = task.artifacts.get(artifact_id)
    is_begun = known is not None and known.attempt == task.attempt
    if command.append and not is_begun:
        raise Conflict(
            "artifact_unknown", f"This attempt has begun no artifact {artifact_id}; send append=false first."
        )
    if known is not None and is_begun and known.is_closed:
        raise Conflict("artifact_closed", f"The artifact {artifact_id} is closed: its last chunk was sent.")
    if is_begun and not command.append:
        raise Conflict("artifact_exists", f"This attempt has begun the artifact {artifact_id}; send append=true.")
    if known is None and len(task.artifacts) >= MAX_ARTIFACTS:
        raise Conflict("too_many_artifacts", f"A task has {MAX_ARTIFACTS} artifacts at the most.")
    _require_room(command, task, known)
    return [
        TaskArtifactAppended(
            attempt=task.attempt, artifact=command.artifact, append=command.append, last_chunk=command.last_chunk
        )
    ]


def _require_room(command: AppendArtifact, task: Task, known: ArtifactState | None) -> None:
    """Raise Conflict where the artifact, or all of the task's, would hold more bytes than they may."""
    chunk = artifact_size(command.artifact)
    before = known.size if known else 0
    if chunk + (before if command.append else 0) > MAX_ARTIFACT_BYTES:
        raise Conflict("artifact_too_large", f"An artifact holds {MAX_ARTIFACT_BYTES} bytes at the most.")
    others = sum(artifact.size for artifact in task.artifacts.values()) - (0 if command.append else before)
    if others + chunk > MAX_TASK_BYTES:
        raise Conflict("artifacts_too_large", f"A task's artifacts hold {MAX_TASK_BYTES} bytes at the most.")
