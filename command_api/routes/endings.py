"""Commands by which a worker lets go of a task: done, failed, declined, handed back, or stopped as it was canceled."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from command_api.receipts import TaskReceipt
from command_api.routes.call import CurrentCall
from command_api.routes.json_route import JsonRoute
from command_api.routes.lease_token import LeaseToken, lease_number
from command_api.routes.task_results import change_task
from command_api.worker_bodies import AcknowledgeCancelBody, CompleteBody, FailBody, RejectBody, ReleaseBody
from domain.task import AcknowledgeCancel, CompleteTask, FailTask, RejectTask, ReleaseTask
from infrastructure.web.application import documented_errors

__all__ = ["router"]

router = APIRouter(
    prefix="/tasks/{task_id}",
    tags=["workers"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)


@router.post("/complete", response_model=TaskReceipt, summary="Complete a task")
async def complete_task(
    task_id: UUID, lease_token: LeaseToken, call: CurrentCall, body: CompleteBody | None = None
) -> Any:  # noqa: ANN401 - response_model says it
    """Bring the task to its good end, with a last message."""
    number = lease_number(call, task_id, lease_token)
    content = body or CompleteBody()
    return await change_task(
        call,
        task_id,
        lambda facts: CompleteTask(at=facts.at, lease_number=number, message=content.message, usage=content.usage),
    )


@router.post("/fail", response_model=TaskReceipt, summary="Fail a task")
async def fail_task(task_id: UUID, lease_token: LeaseToken, body: FailBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Give the task up, with a code for machines and a reason for people."""
    number = lease_number(call, task_id, lease_token)
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
            is_retryable=body.retryable,
            share=call.services.random_share(),
        ),
    )


@router.post("/reject", response_model=TaskReceipt, summary="Reject a task")
async def reject_task(task_id: UUID, lease_token: LeaseToken, body: RejectBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Decline the task for good: no other attempt follows."""
    number = lease_number(call, task_id, lease_token)
    return await change_task(
        call,
        task_id,
        lambda facts: RejectTask(
            at=facts.at, lease_number=number, reason=body.reason, message=body.message, usage=body.usage
        ),
    )


@router.post("/release", response_model=TaskReceipt, summary="Hand a task back")
async def release_task(
    task_id: UUID, lease_token: LeaseToken, call: CurrentCall, body: ReleaseBody | None = None
) -> Any:  # noqa: ANN401 - see above
    """Give the lease up, unfinished: whichever worker leases the task next goes on with the attempt, at once.

    It costs the task none of its attempts. 409 `too_many_releases` where it was handed back 1,000 times.
    """
    number = lease_number(call, task_id, lease_token)
    usage = body.usage if body else None
    return await change_task(call, task_id, lambda facts: ReleaseTask(at=facts.at, lease_number=number, usage=usage))


@router.post("/acknowledge-cancel", response_model=TaskReceipt, summary="Acknowledge a cancellation")
async def acknowledge_cancel(
    task_id: UUID, lease_token: LeaseToken, call: CurrentCall, body: AcknowledgeCancelBody | None = None
) -> Any:  # noqa: ANN401 - see above
    """Say that work on a canceled task has stopped, with the token of the lease that the cancellation fenced.

    `usage` is what was used since the last report: it counts, for budgets too. Acknowledging twice is no error, and
    the usage that comes with each time adds up. 409 `wrong_state` where nothing was canceled.
    """
    number = lease_number(call, task_id, lease_token)
    usage = body.usage if body else None
    return await change_task(
        call, task_id, lambda facts: AcknowledgeCancel(at=facts.at, lease_number=number, usage=usage)
    )
