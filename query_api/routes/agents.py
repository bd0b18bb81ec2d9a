"""Reading agents: the list by name, and one agent whole."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from contracts.views import AgentDetail, AgentSummary
from infrastructure.web.authentication import CurrentPrincipal
from query_api.documentation import Described, add_query
from query_api.edge import answer_request
from query_api.examples import AGENT_EXAMPLE, AGENTS_EXAMPLE
from query_api.pages import AgentListParameters, Page, Parameters
from query_api.questions import ask_agent, ask_agents

__all__ = ["agents_router", "get_agent", "list_agents"]


async def list_agents(
    request: Request, principal: CurrentPrincipal, parameters: Annotated[AgentListParameters, Query()]
) -> Response:
    """Agents of the workspace by name, a page at a time."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_agents(asker, parameters, ports), parameters.consistency
    )


async def get_agent(
    request: Request, principal: CurrentPrincipal, agent_id: UUID, parameters: Annotated[Parameters, Query()]
) -> Response:
    """One agent with its card, its policy and its status."""
    return await answer_request(
        request, principal, lambda asker, ports: ask_agent(asker, agent_id, ports), parameters.consistency
    )


def agents_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["agents"])
    add_query(router, "/agents", list_agents, Described(Page[AgentSummary], "List agents", AGENTS_EXAMPLE))
    add_query(router, "/agents/{agent_id}", get_agent, Described(AgentDetail, "Get an agent", AGENT_EXAMPLE))
    return router
