"""Every command of a task, and who decides it."""

from collections.abc import Sequence
from typing import assert_never

from contracts.events import TaskEvent
from domain.task.acknowledge_cancel import AcknowledgeCancel, decide_acknowledge_cancel
from domain.task.add_message import AddMessage, decide_add_message
from domain.task.append_artifact import AppendArtifact, decide_append_artifact
from domain.task.await_approval import AwaitApproval, decide_await_approval
from domain.task.cancel_task import CancelTask, decide_cancel_task
from domain.task.complete_task import CompleteTask, decide_complete_task
from domain.task.confirm_lease import ConfirmLease, decide_confirm_lease
from domain.task.facts import TaskFact
from domain.task.fail_task import FailTask, decide_fail_task
from domain.task.heartbeat_task import HeartbeatTask, decide_heartbeat_task
from domain.task.lease_task import LeaseTask, decide_lease_task
from domain.task.provide_input import ProvideInput, decide_provide_input
from domain.task.reject_task import RejectTask, decide_reject_task
from domain.task.release_task import ReleaseTask, decide_release_task
from domain.task.report_progress import ReportProgress, decide_report_progress
from domain.task.request_input import RequestInput, decide_request_input
from domain.task.resolve_approval import ResolveApproval, decide_resolve_approval
from domain.task.state import Task
from domain.task.stop_for_budget import StopForBudget, decide_stop_for_budget
from domain.task.submit_task import SubmitTask, decide_submit_task
from domain.task.time_out_task import TimeOutTask, decide_time_out_task

__all__ = ["TaskCommand", "decide_task"]

type TaskCommand = (
    SubmitTask
    | LeaseTask
    | HeartbeatTask
    | ConfirmLease
    | ReportProgress
    | AppendArtifact
    | CompleteTask
    | FailTask
    | CancelTask
    | AcknowledgeCancel
    | AddMessage
    | ProvideInput
    | RejectTask
    | ReleaseTask
    | RequestInput
    | TimeOutTask
    | AwaitApproval
    | ResolveApproval
    | StopForBudget
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
        case ConfirmLease():
            return decide_confirm_lease(command, task)
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
        case AcknowledgeCancel():
            return decide_acknowledge_cancel(command, task)
        case AddMessage():
            return decide_add_message(command, task)
        case ProvideInput():
            return decide_provide_input(command, task)
        case RejectTask():
            return decide_reject_task(command, task)
        case ReleaseTask():
            return decide_release_task(command, task)
        case RequestInput():
            return decide_request_input(command, task)
        case TimeOutTask():
            return decide_time_out_task(command, task)
        case AwaitApproval():
            return decide_await_approval(command, task)
        case ResolveApproval():
            return decide_resolve_approval(command, task)
        case StopForBudget():
            return decide_stop_for_budget(command, task)
        case _:
            assert_never(command)
