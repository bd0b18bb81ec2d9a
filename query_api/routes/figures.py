"""Reading what is added up over many tasks: usage, and how the tasks of a context stand."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from contracts.a2a import Identifier
from contracts.views import ContextSummary, UsageFigures
from infrastructure.web.authentication import CurrentPrincipal
from query_api.documentation import Described, add_query
from query_api.edge import answer_request
from query_api.examples import CONTEXT_EXAMPLE, USAGE_EXAMPLE
from query_api.pages import Parameters, UsageParameters
from query_api.questions_figures import ask_context, ask_usage

__all__ = ["figures_router", "get_context", "get_usage"]


async def get_usage(
    request: Request, principal: CurrentPrincipal, parameters: Annotated[UsageParameters, Query()]
) -> Response:
    """What the tasks of the workspace used, or those of one agent, one context or both: in all, and by model."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_usage(asker, parameters, ports), parameters.consistency
    )


async def get_context(
    request: Request,
    principal: CurrentPrincipal,
    context_id: Annotated[Identifier, Path()],
    parameters: Annotated[Parameters, Query()],
) -> Response:
    """How many tasks of a context there are in each state, and where they are listed; 404 where it has none."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_context(asker, context_id, ports), parameters.consistency
    )


def figures_router() -> APIRouter:
    """Return the routes; a context's id may hold slashes."""
    router = APIRouter()
    usage = Described(UsageFigures, "Get what was used", USAGE_EXAMPLE)
    add_query(router, "/usage", get_usage, usage, tags=["usage"])
    context = Described(ContextSummary, "Get a context", CONTEXT_EXAMPLE)
    add_query(router, "/contexts/{context_id:path}", get_context, context, tags=["contexts"])
    return router
