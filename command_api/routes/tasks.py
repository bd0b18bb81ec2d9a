"""Commands that clients give about tasks: submit and cancel."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from command_api.bodies import ReasonBody, SubmitTaskBody
from command_api.receipts import TaskReceipt
from command_api.routes.call import CurrentCall, answer_json, carry_out
from command_api.routes.json_route import JsonRoute
from command_api.routes.task_results import change_task, task_result
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandRequest
from domain.task import CancelTask, SubmitTask
from infrastructure.web.application import API_PREFIX, documented_errors

__all__ = ["router"]

router = APIRouter(
    prefix="/tasks",
    tags=["tasks"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)


@router.post("", status_code=201, response_model=TaskReceipt, summary="Submit a task")
async def submit_task(body: SubmitTaskBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Ask an agent, by id or name, for work. Refused with 409 where the agent is paused or retired."""
    task_id = call.services.make_id()
    context_id = body.context_id or str(call.services.make_id())

    def prepare(facts: Facts) -> list[Assignment]:
        command = SubmitTask(
            at=facts.at,
            task_id=task_id,
            agent=facts.find_agent(body.agent),
            context_id=context_id,
            message=body.message,
            priority=body.priority,
            metadata=body.metadata,
            reference_task_ids=tuple(str(reference) for reference in body.reference_task_ids),
        )
        return [Assignment("task", task_id, command)]

    answer = await carry_out(
        CommandRequest(
            context=call.context,
            prepare=prepare,
            respond=task_result,
            aggregate_ids=[body.agent] if isinstance(body.agent, UUID) else [],
            agent_names=[body.agent] if isinstance(body.agent, str) else [],
        ),
        call,
    )
    call.services.announce_work()
    location = f"{API_PREFIX}/tasks/{answer.result['task_id']}"
    return answer_json(answer, answer.result, status=201, location=location)


@router.post("/{task_id}/cancel", response_model=TaskReceipt, summary="Cancel a task")
async def cancel_task(task_id: UUID, call: CurrentCall, body: ReasonBody | None = None) -> Any:  # noqa: ANN401 - see above
    """Stop a task at once: it is canceled when this answers, and its worker's lease is fenced."""
    reason = body.reason if body else None
    return await change_task(call, task_id, lambda facts: CancelTask(at=facts.at, reason=reason))
