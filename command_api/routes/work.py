"""Commands that a worker gives about a task while it works on it: heartbeat, progress, artifacts, questions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from command_api.receipts import HeartbeatReceipt, InputReceipt, TaskReceipt
from command_api.routes.call import Call, CurrentCall, answer_json, brief, carry_out
from command_api.routes.handed_over import handed_over
from command_api.routes.json_route import JsonRoute
from command_api.routes.lease_token import LeaseToken, lease_number
from command_api.routes.one_command import Target, single_request
from command_api.routes.task_results import change_task, task_of, task_result
from command_api.services.aggregates import Facts
from command_api.services.command_request import Outcome, Result
from command_api.worker_bodies import (
    AppendArtifactBody,
    HeartbeatBody,
    ProgressBody,
    RequestInputBody,
)
from contracts.amounts import plain_amount
from domain.task import (
    AppendArtifact,
    HeartbeatTask,
    ReportProgress,
    RequestInput,
)
from infrastructure.web.application import documented_errors

__all__ = ["router"]

router = APIRouter(
    prefix="/tasks/{task_id}",
    tags=["workers"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)


def _heartbeat_result(facts: Facts, outcomes: Sequence[Outcome]) -> Result:
    """Return what a worker is told about its lease; messages are added to each answer."""
    task = task_of(outcomes[0])
    assert task.lease is not None  # noqa: S101 - it has just been renewed
    return {
        "task_id": str(task.task_id),
        "state": task.state,
        "generation": task.generation,
        "attempt": task.attempt,
        "lease_expires_at": task.lease.expires_at.isoformat(),
        "attempt_ends_at": task.attempt_ends_at.isoformat() if task.attempt_ends_at else None,
        "deadline": task.deadline.isoformat() if task.deadline else None,
        "last_message": task.messages,
        "budgets": [
            {
                "scope": budget.scope,
                "amount": plain_amount(budget.amount),
                "spent": plain_amount(budget.spent_in_window(facts.at)),
                "currency": budget.currency,
            }
            for budget in facts.budgets_over(task.task_id)
            if budget.spent_in_window(facts.at) >= budget.amount * budget.warn_fraction
        ],
    }


@router.post("/heartbeat", response_model=HeartbeatReceipt, summary="Keep a lease alive")
async def heartbeat(
    task_id: UUID, lease_token: LeaseToken, call: CurrentCall, body: HeartbeatBody | None = None
) -> Any:  # noqa: ANN401 - response_model says it
    """Renew the lease from now on, and hear what is new. No event, and the generation stays as it is.

    409 `task_canceled` tells the worker to stop; it then acknowledges that.
    """
    number = lease_number(call, task_id, lease_token)
    content = body or HeartbeatBody()
    answer = await carry_out(
        single_request(
            brief(call),
            Target("task", task_id),
            lambda facts: HeartbeatTask(
                at=facts.at, lease_number=number, seconds=content.lease_seconds, received=content.received
            ),
            _heartbeat_result,
        ),
        call,
    )
    news = await _news(call, task_id, content.received, answer.result["last_message"])
    return answer_json(answer, {**answer.result, **news})


async def _news(call: Call, task_id: UUID, received: int | None, last: int) -> dict[str, Any]:
    """Return the messages that the worker does not have yet, those up to `last`, and what they answer."""
    if received is None or received >= last:
        return {"messages": [], "answers": []}
    contents = await call.services.read_messages(call.principal.workspace_id, {task_id: range(received + 1, last + 1)})
    return handed_over(contents[task_id], first_ordinal=received + 1)


@router.post("/progress", response_model=TaskReceipt, summary="Report progress")
async def report_progress(task_id: UUID, lease_token: LeaseToken, body: ProgressBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Say how far the work is, add a message, report usage: at least one of them.

    What workers say of a task, questions and approvals included, holds 16 MiB: 409 `worker_messages_too_large`.
    """
    number = lease_number(call, task_id, lease_token)
    return await change_task(
        call,
        task_id,
        lambda facts: ReportProgress(
            at=facts.at, lease_number=number, fraction=body.fraction, message=body.message, usage=body.usage
        ),
    )


@router.post("/artifacts", response_model=TaskReceipt, summary="Append an artifact or a chunk of one")
async def append_artifact(task_id: UUID, lease_token: LeaseToken, body: AppendArtifactBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Hand in a result, whole or chunk by chunk; chunks keep their order.

    An artifact holds 16 MiB and all of a task's 64 MiB, with all that stands beside their parts: 409
    `artifact_too_large`, `artifacts_too_large`.
    """
    number = lease_number(call, task_id, lease_token)
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


@router.post("/request-input", response_model=InputReceipt, summary="Ask a person")
async def request_input(task_id: UUID, lease_token: LeaseToken, body: RequestInputBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Ask, and let the task wait: its state is input_required until somebody answers or the time is up.

    The lease is given up unless `keeps_lease`: then whichever worker leases the task after the answer goes on with it.
    422 where nothing could be answered (`schema_not_valid`, `schema_too_complex`, `default_without_expiry`), 409
    `question_exists` where the task has asked under the same `request_id`, or that is the id of a budget.
    """
    number = lease_number(call, task_id, lease_token)
    request_id = body.request_id or call.services.make_id()

    def respond(facts: Facts, outcomes: Sequence[Outcome]) -> Result:
        return {**task_result(facts, outcomes), "request_id": str(request_id)}

    return await change_task(
        call,
        task_id,
        lambda facts: RequestInput(
            at=facts.at,
            lease_number=number,
            request_id=request_id,
            message=body.message,
            answer_schema=body.answer_schema,
            expires_in_seconds=body.expires_in_seconds,
            default=body.default,
            keeps_lease=body.keeps_lease,
            is_id_of_budget=request_id in facts.budgets,
        ),
        respond,
        beside=(request_id,),
    )
