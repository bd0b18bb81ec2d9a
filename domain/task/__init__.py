"""Tasks: what clients ask for and workers do."""

from domain.task.append_artifact import AppendArtifact
from domain.task.cancel_task import CancelTask
from domain.task.complete_task import CompleteTask
from domain.task.decide import TaskCommand, decide_task
from domain.task.evolve import evolve_task
from domain.task.facts import LeaseGranted, LeaseRenewed, TaskFact, TaskQueued
from domain.task.fail_task import FailTask
from domain.task.heartbeat_task import HeartbeatTask
from domain.task.lease_task import LeaseTask
from domain.task.report_progress import ReportProgress
from domain.task.state import ArtifactState, Lease, Task
from domain.task.submit_task import SubmitTask

__all__ = [
    "AppendArtifact",
    "ArtifactState",
    "CancelTask",
    "CompleteTask",
    "FailTask",
    "HeartbeatTask",
    "Lease",
    "LeaseGranted",
    "LeaseRenewed",
    "LeaseTask",
    "ReportProgress",
    "SubmitTask",
    "Task",
    "TaskCommand",
    "TaskFact",
    "TaskQueued",
    "decide_task",
    "evolve_task",
]
