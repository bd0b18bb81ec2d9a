"""Budgets: set, change, remove."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from command_api.bodies import ChangeBudgetBody, SetBudgetBody
from command_api.receipts import BudgetReceipt
from command_api.routes.call import Call, CurrentCall, answer_json, carry_out
from command_api.routes.json_route import JsonRoute
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandRequest, Outcome, Result
from domain.budget import Budget, BudgetCommand, ChangeBudget, RemoveBudget, SetBudget
from infrastructure.web.application import API_PREFIX, documented_errors

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
        "amount": str(budget.amount),
        "currency": budget.currency,
        "window": budget.window,
        "on_breach": budget.on_breach,
        "status": budget.status,
        "spent": str(budget.spent_in_window(facts.at)),
        "generation": budget.generation,
    }


async def _change(
    call: Call, budget_id: UUID, make_command: Callable[[Facts], BudgetCommand], *, status: int = 200
) -> Response:
    """Carry out one command on one budget."""
    answer = await carry_out(
        CommandRequest(
            context=call.context,
            prepare=lambda facts: [Assignment("budget", budget_id, make_command(facts))],
            respond=_budget_result,
            aggregate_ids=[budget_id],
        ),
        call,
    )
    location = f"{API_PREFIX}/budgets/{answer.result['budget_id']}" if status == 201 else ""  # noqa: PLR2004 - Created
    return answer_json(answer, answer.result, status=status, location=location)


@router.post("", status_code=201, response_model=BudgetReceipt, summary="Set a budget")
async def set_budget(body: SetBudgetBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Bound what the work of a workspace, an agent, a context or a task may cost; a scope has one budget.

    Usage reports count from now on. The report that reaches the amount stops its task, and nothing of the scope is
    leased until the budget is raised or its window is over.
    """
    budget_id = call.services.make_id()
    return await _change(
        call,
        budget_id,
        lambda facts: SetBudget(at=facts.at, budget_id=budget_id, **body.model_dump()),
        status=201,
    )


@router.patch("/{budget_id}", response_model=BudgetReceipt, summary="Change a budget")
async def change_budget(budget_id: UUID, body: ChangeBudgetBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Raise or lower it. Raised above what was spent it lets work go on; tasks that wait for it are answered then."""
    return await _change(
        call, budget_id, lambda facts: ChangeBudget(at=facts.at, amount=body.amount, on_breach=body.on_breach)
    )


@router.post("/{budget_id}/remove", response_model=BudgetReceipt, summary="Remove a budget")
async def remove_budget(budget_id: UUID, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Take the budget away: its scope is unbounded from now on."""
    return await _change(call, budget_id, lambda facts: RemoveBudget(at=facts.at))
