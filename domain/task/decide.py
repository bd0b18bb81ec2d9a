"""Every command of a task, and who decides it."""

from collections.abc import Sequence
from typing import assert_never

from contracts.events import TaskEvent
from domain.task.append_artifact import AppendArtifact, decide_append_artifact
from domain.task.cancel_task import CancelTask, decide_cancel_task
from domain.task.complete_task import CompleteTask, decide_complete_task
from domain.task.facts import TaskFact
from domain.task.fail_task import FailTask, decide_fail_task
from domain.task.heartbeat_task import HeartbeatTask, decide_heartbeat_task
from domain.task.lease_task import LeaseTask, decide_lease_task
from domain.task.report_progress import ReportProgress, decide_report_progress
from domain.task.state import Task
from domain.task.submit_task import SubmitTask, decide_submit_task

__all__ = ["TaskCommand", "decide_task"]

type TaskCommand = (
    SubmitTask | LeaseTask | HeartbeatTask | ReportProgress | AppendArtifact | CompleteTask | FailTask | CancelTask
)


def decide_task(command: TaskCommand, task: Task | None) -> Sequence[TaskEvent | TaskFact]:
    """Return the events and facts that a command leads to, none where it changes nothing; raises Rejection."""
    match command:
        case SubmitTask():
            return decide_submit_task(command, task)
        case LeaseTask():
            return decide_lease_task(command, task)
        case HeartbeatTask():
            return decide_heartbeat_task(command, task)
        case ReportProgress():
            return decide_report_progress(command, task)
        case AppendArtifact():
            return decide_append_artifact(command, task)
        case CompleteTask():
            return decide_complete_task(command, task)
        case FailTask():
            return decide_fail_task(command, task)
        case CancelTask():
            return decide_cancel_task(command, task)
        case _:
            assert_never(command)
