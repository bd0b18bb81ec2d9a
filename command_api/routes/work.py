"""Commands that a worker gives about a task it leases: heartbeat, progress, artifacts, complete, fail."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header

from command_api.bodies import AppendArtifactBody, CompleteBody, FailBody, HeartbeatBody, ProgressBody
from command_api.receipts import HeartbeatReceipt, TaskReceipt
from command_api.routes.call import Call, CurrentCall
from command_api.routes.json_route import JsonRoute
from command_api.routes.task_results import change_task, task_of
from command_api.services.aggregates import Facts
from command_api.services.command_request import Outcome, Result
from domain.task import AppendArtifact, CompleteTask, FailTask, HeartbeatTask, ReportProgress
from infrastructure.lease_tokens import read_lease_token
from infrastructure.web.application import documented_errors

__all__ = ["router"]

router = APIRouter(
    prefix="/tasks/{task_id}",
    tags=["workers"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)

LeaseToken = Annotated[
    str, Header(alias="Lease-Token", description="From the lease; 409 `lease_lost` where it is not the task's.")
]


def _lease_number(call: Call, task_id: UUID, token: str) -> int | None:
    """Return the number of the lease that a token stands for, or None where it is no token of this task."""
    return read_lease_token(call.services.secret_key, task_id, token)


def _heartbeat_result(_facts: Facts, outcomes: Sequence[Outcome]) -> Result:
    """Return what a worker is told about its lease."""
    task = task_of(outcomes[0])
    assert task.lease is not None  # noqa: S101 - it has just been renewed
    return {
        "task_id": str(task.task_id),
        "state": task.state,
        "generation": task.generation,
        "attempt": task.attempt,
        "lease_expires_at": task.lease.expires_at.isoformat(),
    }


@router.post("/heartbeat", response_model=HeartbeatReceipt, summary="Keep a lease alive")
async def heartbeat(
    task_id: UUID, lease_token: LeaseToken, call: CurrentCall, body: HeartbeatBody | None = None
) -> Any:  # noqa: ANN401 - response_model says it
    """Renew the lease from now on. No event, and the generation stays as it is."""
    number = _lease_number(call, task_id, lease_token)
    seconds = body.lease_seconds if body else None
    return await change_task(
        call,
        task_id,
        lambda facts: HeartbeatTask(at=facts.at, lease_number=number, seconds=seconds),
        _heartbeat_result,
    )


@router.post("/progress", response_model=TaskReceipt, summary="Report progress")
async def report_progress(task_id: UUID, lease_token: LeaseToken, body: ProgressBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Say how far the work is, add a message, report usage: at least one of them."""
    number = _lease_number(call, task_id, lease_token)
    return await change_task(
        call,
        task_id,
        lambda facts: ReportProgress(
            at=facts.at, lease_number=number, fraction=body.fraction, message=body.message, usage=body.usage
        ),
    )


@router.post("/artifacts", response_model=TaskReceipt, summary="Append an artifact or a chunk of one")
async def append_artifact(task_id: UUID, lease_token: LeaseToken, body: AppendArtifactBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Hand in a result, whole or chunk by chunk; chunks keep their order."""
    number = _lease_number(call, task_id, lease_token)
    return await change_task(
        call,
        task_id,
        lambda facts: AppendArtifact(
            at=facts.at,
            lease_number=number,
            artifact=body.artifact,
            append=body.append,
            last_chunk=body.last_chunk,
        ),
    )


@router.post("/complete", response_model=TaskReceipt, summary="Complete a task")
async def complete_task(
    task_id: UUID, lease_token: LeaseToken, call: CurrentCall, body: CompleteBody | None = None
) -> Any:  # noqa: ANN401 - see above
    """Bring the task to its good end, with a last message."""
    number = _lease_number(call, task_id, lease_token)
    content = body or CompleteBody()
    return await change_task(
        call,
        task_id,
        lambda facts: CompleteTask(at=facts.at, lease_number=number, message=content.message, usage=content.usage),
    )


@router.post("/fail", response_model=TaskReceipt, summary="Fail a task")
async def fail_task(task_id: UUID, lease_token: LeaseToken, body: FailBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Give the task up, with a code for machines and a reason for people."""
    number = _lease_number(call, task_id, lease_token)
    return await change_task(
        call,
        task_id,
        lambda facts: FailTask(
            at=facts.at,
            lease_number=number,
            code=body.code,
            reason=body.reason,
            message=body.message,
            usage=body.usage,
        ),
    )
