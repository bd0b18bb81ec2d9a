"""Tasks: what clients ask for and workers do."""

from domain.task.acknowledge_cancel import AcknowledgeCancel
from domain.task.add_message import AddMessage
from domain.task.append_artifact import AppendArtifact
from domain.task.await_approval import AwaitApproval
from domain.task.cancel_task import CancelTask
from domain.task.complete_task import CompleteTask
from domain.task.confirm_lease import ConfirmLease
from domain.task.decide import TaskCommand, decide_task
from domain.task.evolve import evolve_task
from domain.task.facts import (
    AttemptRecorded,
    CancelAcknowledged,
    LeaseGranted,
    LeaseReleased,
    LeaseRenewed,
    TaskFact,
    TaskQueued,
    WaitBegun,
    WorkContinued,
    WorkPaused,
)
from domain.task.fail_task import FailTask
from domain.task.heartbeat_task import HeartbeatTask
from domain.task.lease_task import LeaseTask
from domain.task.provide_input import ProvideInput
from domain.task.reject_task import RejectTask
from domain.task.release_task import ReleaseTask
from domain.task.report_progress import ReportProgress
from domain.task.request_input import RequestInput
from domain.task.resolve_approval import ResolveApproval
from domain.task.state import ArtifactState, Lease, Task, TaskRules, Waiting
from domain.task.stop_for_budget import StopForBudget
from domain.task.submit_task import SubmitTask
from domain.task.time_out_task import TimeOutTask

__all__ = [
    "AcknowledgeCancel",
    "AddMessage",
    "AppendArtifact",
    "ArtifactState",
    "AttemptRecorded",
    "AwaitApproval",
    "CancelAcknowledged",
    "CancelTask",
    "CompleteTask",
    "ConfirmLease",
    "FailTask",
    "HeartbeatTask",
    "Lease",
    "LeaseGranted",
    "LeaseReleased",
    "LeaseRenewed",
    "LeaseTask",
    "ProvideInput",
    "RejectTask",
    "ReleaseTask",
    "ReportProgress",
    "RequestInput",
    "ResolveApproval",
    "StopForBudget",
    "SubmitTask",
    "Task",
    "TaskCommand",
    "TaskFact",
    "TaskQueued",
    "TaskRules",
    "TimeOutTask",
    "WaitBegun",
    "Waiting",
    "WorkContinued",
    "WorkPaused",
    "decide_task",
    "evolve_task",
]
