"""Reading budgets: the list by scope, and one budget."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from contracts.views import BudgetDetail
from infrastructure.web.authentication import CurrentPrincipal
from query_api.documentation import Described, add_query
from query_api.edge import answer_request
from query_api.examples import BUDGET_EXAMPLE, BUDGETS_EXAMPLE
from query_api.pages import BudgetListParameters, Page, Parameters
from query_api.questions_approvals import ask_budget, ask_budgets

__all__ = ["budgets_router", "get_budget", "list_budgets"]


async def list_budgets(
    request: Request, principal: CurrentPrincipal, parameters: Annotated[BudgetListParameters, Query()]
) -> Response:
    """Budgets of the workspace by scope, removed ones too, a page at a time; filters combine."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_budgets(asker, parameters, ports), parameters.consistency
    )


async def get_budget(
    request: Request, principal: CurrentPrincipal, budget_id: UUID, parameters: Annotated[Parameters, Query()]
) -> Response:
    """One budget. `spent` is what it was at its last change, warning or breach (`spent_at`): see `/usage` for more."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_budget(asker, budget_id, ports), parameters.consistency
    )


def budgets_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["budgets"])
    add_query(router, "/budgets", list_budgets, Described(Page[BudgetDetail], "List budgets", BUDGETS_EXAMPLE))
    add_query(router, "/budgets/{budget_id}", get_budget, Described(BudgetDetail, "Get a budget", BUDGET_EXAMPLE))
    return router
