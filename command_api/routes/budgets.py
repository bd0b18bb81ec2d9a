"""Budgets: set, change, remove, and resume what they stopped."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from command_api.bodies import ChangeBudgetBody, ResumeTasksBody, SetBudgetBody
from command_api.receipts import BudgetReceipt, ResumedReceipt
from command_api.routes.call import CurrentCall, answer_json, carry_out
from command_api.routes.in_parts import ChangeOfMany, change_in_parts
from command_api.routes.json_route import JsonRoute
from command_api.routes.one_command import Target, change_one
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandRequest, Outcome, Result
from contracts.a2a import Message, Part, Role
from contracts.amounts import plain_amount
from domain.agent.state import require_agent
from domain.budget import (
    Budget,
    ChangeBudget,
    RemoveBudget,
    SetBudget,
    require_unspent_budgets,
)
from domain.rejection import NotFound
from domain.task import ProvideInput
from domain.task.state import require_task
from infrastructure.web.application import API_PREFIX, documented_errors
from infrastructure.work_store import OpenTaskFilter

__all__ = ["router"]

router = APIRouter(
    prefix="/budgets",
    tags=["budgets"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 404, 409, 413, 415, 422, 503),
)


def _budget_result(facts: Facts, outcomes: Sequence[Outcome]) -> Result:
    """Return what is said of a budget after a command."""
    budget = outcomes[0].state
    assert isinstance(budget, Budget)  # noqa: S101 - budget commands lead to budgets
    return {
        "budget_id": str(budget.budget_id),
        "scope": budget.scope,
        "amount": plain_amount(budget.amount),
        "currency": budget.currency,
        "window": budget.window,
        "on_breach": budget.on_breach,
        "status": budget.status,
        "spent": plain_amount(budget.spent_in_window(facts.at)),
        "generation": budget.generation,
    }


def _bounded_id(scope: str) -> UUID | None:
    """Return the id of the agent or task that a scope names; None for the others, which need not be there."""
    kind, _, scope_id = scope.partition(":")
    return UUID(scope_id) if kind in {"agent", "task"} else None


def _require_bounded(scope: str, bounded_id: UUID, facts: Facts) -> None:
    """Raise NotFound where the agent or task that a scope names is not one of the workspace."""
    if scope.startswith("agent:"):
        require_agent(facts.agents.get(bounded_id))
    else:
        require_task(facts.tasks.get(bounded_id))


@router.post("", status_code=201, response_model=BudgetReceipt, summary="Set a budget")
async def set_budget(body: SetBudgetBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Bound what the work of a workspace, an agent, a context or a task may cost; a scope has one budget.

    Usage reports that are answered after this one count; of those before only what you give as `spent`, in the window
    that lasts. A budget counts reports in its own currency only; one in another currency is taken and does not count.
    The report that reaches the amount stops its task, as does any that comes when it is reached, in whatever currency;
    nothing of the scope is leased until the budget is raised or its window is over. 404 `agent_not_found` or
    `task_not_found` where the scope names one that is not there; a context may be named before its first task.
    """
    budget_id, bounded_id = call.services.make_id(), _bounded_id(body.scope)

    def prepare(facts: Facts) -> list[Assignment]:
        if bounded_id is not None:
            _require_bounded(body.scope, bounded_id, facts)
        command = SetBudget(at=facts.at, budget_id=budget_id, **body.model_dump())
        return [Assignment("budget", budget_id, command)]

    answer = await carry_out(
        CommandRequest(
            context=call.context,
            prepare=prepare,
            respond=_budget_result,
            aggregate_ids=[] if bounded_id is None else [bounded_id],
        ),
        call,
    )
    location = f"{API_PREFIX}/budgets/{answer.result['budget_id']}"
    return answer_json(answer, answer.result, status=201, location=location)


@router.patch("/{budget_id}", response_model=BudgetReceipt, summary="Change a budget")
async def change_budget(budget_id: UUID, body: ChangeBudgetBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Raise or lower it. Raised above what was spent it lets leases go on, and the tasks that it stopped be resumed."""
    return await change_one(
        call,
        Target("budget", budget_id),
        lambda facts: ChangeBudget(at=facts.at, amount=body.amount, on_breach=body.on_breach),
        _budget_result,
    )


@router.post("/{budget_id}/remove", response_model=BudgetReceipt, summary="Remove a budget")
async def remove_budget(budget_id: UUID, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Take the budget away: its scope is unbounded from now on, and the tasks that it stopped may be resumed.

    A budget that is set for the scope later counts from then on, unless it is given what was `spent`.
    """
    return await change_one(call, Target("budget", budget_id), lambda facts: RemoveBudget(at=facts.at), _budget_result)


@router.post("/{budget_id}/resume", response_model=ResumedReceipt, summary="Resume the tasks that a budget stopped")
async def resume_tasks(budget_id: UUID, call: CurrentCall, body: ResumeTasksBody | None = None) -> Any:  # noqa: ANN401 - see above
    """Answer every task that waits for this budget, so that it goes on; two hundred are committed at a time.

    409 `budget_exhausted` until the budget is raised or removed, or its window is over. A task over which another
    budget is spent waits on, and is not among `resumed`.
    """
    message = body.message if body else None

    def make_commands(facts: Facts, task_ids: Sequence[UUID]) -> list[ProvideInput]:
        budget = facts.budgets.get(budget_id)
        if budget is None:
            raise NotFound("budget_not_found", "There is no such budget.")
        require_unspent_budgets((budget,), facts.at)
        return [_go_on(facts, task_id, budget, message) for task_id in task_ids]

    chosen = OpenTaskFilter(call.principal.workspace_id, waits_for=budget_id)
    return await change_in_parts(call, ChangeOfMany(chosen, make_commands, "resumed", beside=(budget_id,)))


def _go_on(facts: Facts, task_id: UUID, budget: Budget, message: Message | None) -> ProvideInput:
    """Return the answer to a task that a budget stopped."""
    task = facts.tasks.get(task_id)
    plain = Message(
        message_id=f"resume-{budget.budget_id}-{task.generation if task else 0}",
        role=Role.USER,
        parts=(Part(text=f"Go on: the budget of {budget.scope} lets you."),),
    )
    return ProvideInput(
        at=facts.at,
        message=message or plain,
        request_id=budget.budget_id,
        budgets=facts.budgets_over(task_id),
    )
