"""Commands that clients give about tasks that are there: say more, answer, cancel one or many."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path

from command_api.bodies import BulkCancelBody, InputBody, MessageBody, ReasonBody
from command_api.receipts import CanceledReceipt, TaskReceipt
from command_api.routes.call import Call, CurrentCall
from command_api.routes.in_parts import ChangeOfMany, change_in_parts
from command_api.routes.json_route import JsonRoute
from command_api.routes.task_results import change_task
from command_api.services.aggregates import Facts
from contracts.a2a import Identifier
from domain.rejection import Invalid, NotFound
from domain.task import AddMessage, CancelTask, ProvideInput
from infrastructure.web.application import documented_errors
from infrastructure.work_store import OpenTaskFilter

__all__ = ["router"]

router = APIRouter(
    tags=["tasks"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)


@router.post("/tasks/{task_id}/cancel", response_model=TaskReceipt, summary="Cancel a task")
async def cancel_task(task_id: UUID, call: CurrentCall, body: ReasonBody | None = None) -> Any:  # noqa: ANN401 - see below
    """Stop a task at once: it is canceled when this answers, and its worker's lease is fenced."""
    reason = body.reason if body else None
    return await change_task(call, task_id, lambda facts: CancelTask(at=facts.at, reason=reason))


@router.post("/tasks/{task_id}/messages", response_model=TaskReceipt, summary="Say something more")
async def add_message(task_id: UUID, body: MessageBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Queue a message for the task's worker, which gets it, in order, at its next lease or heartbeat.

    It answers no question: for that there is /input.
    """
    return await change_task(call, task_id, lambda facts: AddMessage(at=facts.at, message=body.message))


@router.post("/tasks/{task_id}/input", response_model=TaskReceipt, summary="Answer a worker's question")
async def provide_input(task_id: UUID, body: InputBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Answer; the task goes on. 422 `answer_not_valid` names the places where the answer does not fit the schema."""
    return await change_task(
        call,
        task_id,
        lambda facts: ProvideInput(
            at=facts.at,
            message=body.message,
            request_id=body.request_id,
            budgets=facts.budgets_over(task_id),
        ),
    )


@router.post("/tasks/cancel", response_model=CanceledReceipt, summary="Cancel open tasks by filter")
async def cancel_tasks(body: BulkCancelBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Cancel every open task that fits all that is given; at least one of context_id, agent and state is.

    Two hundred are committed at a time. With an Idempotency-Key what is left of a call that broke off is done by
    sending it again; sent again after its end it is answered as before, and cancels nothing.
    """
    if body.context_id is None and body.agent is None and body.state is None:
        raise Invalid("empty_filter", "Give at least one of context_id, agent and state.")
    agent_id = await _agent_id(body, call)
    chosen = OpenTaskFilter(call.principal.workspace_id, body.context_id, agent_id, body.state)
    return await _cancel_chosen(call, chosen, body.reason)


@router.post(
    "/contexts/{context_id:path}/cancel", response_model=CanceledReceipt, summary="Cancel a context", tags=["contexts"]
)
async def cancel_context(
    context_id: Annotated[Identifier, Path()], call: CurrentCall, body: ReasonBody | None = None
) -> Any:  # noqa: ANN401 - see above
    """Cancel all open tasks of a context."""
    chosen = OpenTaskFilter(call.principal.workspace_id, context_id, None, None)
    return await _cancel_chosen(call, chosen, body.reason if body else None)


async def _agent_id(body: BulkCancelBody, call: Call) -> UUID | None:
    """Return the id of the agent in a filter, None where there is none; raises NotFound."""
    if body.agent is None:
        return None
    is_id = isinstance(body.agent, UUID)
    ids, names = ([body.agent], []) if is_id else ([], [body.agent])
    found = await call.services.find_agents(call.principal.workspace_id, ids, names)  # type: ignore[arg-type] # told apart above
    if body.agent not in found:
        raise NotFound("agent_not_found", f"There is no agent {body.agent}.")
    return found[body.agent]


async def _cancel_chosen(call: Call, chosen: OpenTaskFilter, reason: str | None) -> Any:  # noqa: ANN401 - a response
    """Cancel what is chosen."""

    def make_commands(facts: Facts, task_ids: Sequence[UUID]) -> list[CancelTask]:
        return [CancelTask(at=facts.at, reason=reason)] * len(task_ids)

    return await change_in_parts(call, ChangeOfMany(chosen, make_commands, "canceled"))
