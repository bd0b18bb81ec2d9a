"""Reading approvals: the list, who waits longest first, and one approval whole."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from contracts.views import ApprovalDetail, ApprovalSummary
from infrastructure.web.authentication import CurrentPrincipal
from query_api.documentation import Described, add_query
from query_api.edge import answer_request
from query_api.examples import APPROVAL_EXAMPLE, APPROVALS_EXAMPLE
from query_api.pages import ApprovalListParameters, Page, Parameters
from query_api.questions_approvals import ask_approval, ask_approvals

__all__ = ["approvals_router", "get_approval", "list_approvals"]


async def list_approvals(
    request: Request, principal: CurrentPrincipal, parameters: Annotated[ApprovalListParameters, Query()]
) -> Response:
    """Approvals of the workspace, oldest first whatever their status, a page at a time; filters combine.

    With `status=pending` this is the queue of what waits for people.
    """
    return await answer_request(
        request, principal, lambda asker, ports: ask_approvals(asker, parameters, ports), parameters.consistency
    )


async def get_approval(
    request: Request, principal: CurrentPrincipal, approval_id: UUID, parameters: Annotated[Parameters, Query()]
) -> Response:
    """One approval: exactly what is asked for, who may decide, who did and why."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_approval(asker, approval_id, ports), parameters.consistency
    )


def approvals_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["approvals"])
    described = Described(Page[ApprovalSummary], "List approvals", APPROVALS_EXAMPLE)
    add_query(router, "/approvals", list_approvals, described)
    detail = Described(ApprovalDetail, "Get an approval", APPROVAL_EXAMPLE)
    add_query(router, "/approvals/{approval_id}", get_approval, detail)
    return router
