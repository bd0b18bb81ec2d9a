"""A worker hands its task back unfinished: another goes on with the same attempt, at once."""

from datetime import datetime
from typing import Final

from contracts.events import TaskReleased, TaskUsageReported
from contracts.record import Record
from contracts.usage import Usage
from domain.rejection import Conflict
from domain.task.facts import LeaseReleased, WorkPaused
from domain.task.report_progress import usage_events
from domain.task.state import Task, require_lease

__all__ = ["ReleaseTask", "decide_release_task"]

MAX_RELEASES: Final = 1_000


class ReleaseTask(Record):
    """Release the lease; `usage` is since the last report."""

    at: datetime
    lease_number: int | None
    usage: Usage | None = None


def decide_release_task(
    command: ReleaseTask, task: Task | None
) -> list[TaskUsageReported | TaskReleased | WorkPaused | LeaseReleased]:
    """Return the usage and the release; refused without the lease, and where it goes from hand to hand for ever.

    The attempt goes on, so none of the task's attempts is lost, and its time stands still. A task that waits for a
    person goes on waiting.
    """
    task, lease = require_lease(task, command.lease_number)
    if task.releases >= MAX_RELEASES:
        raise Conflict("too_many_releases", f"The task was released {MAX_RELEASES} times: do it, or fail it.")
    released = TaskReleased(attempt=task.attempt, worker=lease.worker)
    return [*usage_events(command.usage, task), released, WorkPaused(at=command.at), LeaseReleased()]
