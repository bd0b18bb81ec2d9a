"""Hand in a result, whole or in chunks. Source of the chunk rules: A2A 1.0, TaskArtifactUpdateEvent."""

from datetime import datetime

from contracts.a2a import Artifact
from contracts.events import TaskArtifactAppended
from contracts.record import Record
from domain.rejection import Conflict
from domain.task.state import Task, require_working_lease

__all__ = ["MAX_ARTIFACTS", "AppendArtifact", "decide_append_artifact"]

MAX_ARTIFACTS = 1000
"""Artifacts of one task at the most."""


class AppendArtifact(Record):
    """One chunk: `append` false begins an artifact, true goes on with it; `last_chunk` closes it."""

    at: datetime
    lease_number: int | None
    artifact: Artifact
    append: bool
    last_chunk: bool


def decide_append_artifact(command: AppendArtifact, task: Task | None) -> list[TaskArtifactAppended]:
    """Return the chunk; refused where it goes on with nothing, with another attempt's or with a closed artifact."""
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
    return [
        TaskArtifactAppended(
            attempt=task.attempt, artifact=command.artifact, append=command.append, last_chunk=command.last_chunk
        )
    ]
