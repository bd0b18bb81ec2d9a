"""Commands of agents: register, update, pause, resume, retire."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from command_api.bodies import ReasonBody, RegisterAgentBody, UpdateAgentBody
from command_api.receipts import AgentReceipt
from command_api.routes.call import CurrentCall, answer_json, carry_out
from command_api.routes.json_route import JsonRoute
from command_api.routes.one_command import Target, change_one
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandRequest, Outcome, Result
from domain.agent import Agent, PauseAgent, RegisterAgent, ResumeAgent, RetireAgent, UpdateAgent
from infrastructure.web.application import API_PREFIX, documented_errors

__all__ = ["router"]

router = APIRouter(
    prefix="/agents",
    tags=["agents"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 409, 413, 415, 422, 503),
)


def _agent_result(_facts: Facts, outcomes: Sequence[Outcome]) -> Result:
    """Return what is said of an agent after a command."""
    agent = outcomes[0].state
    assert isinstance(agent, Agent)  # noqa: S101 - agent commands lead to agents
    return {
        "agent_id": str(agent.agent_id),
        "name": agent.name,
        "status": agent.status,
        "generation": agent.generation,
    }


@router.post("", status_code=201, response_model=AgentReceipt, summary="Register an agent")
async def register_agent(body: RegisterAgentBody, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Bring an agent into being, active, under a name that is unique in the workspace (409 `agent_name_taken`)."""
    agent_id = call.services.make_id()
    answer = await carry_out(
        CommandRequest(
            context=call.context,
            prepare=lambda facts: [
                Assignment(
                    "agent",
                    agent_id,
                    RegisterAgent(at=facts.at, agent_id=agent_id, name=body.name, card=body.card, policy=body.policy),
                )
            ],
            respond=_agent_result,
        ),
        call,
    )
    location = f"{API_PREFIX}/agents/{answer.result['agent_id']}"
    return answer_json(answer, answer.result, status=201, location=location)


@router.patch("/{agent_id}", response_model=AgentReceipt, summary="Update an agent", responses=documented_errors(404))
async def update_agent(agent_id: UUID, body: UpdateAgentBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Replace name, card or policy, each whole; what is left out stays, and nothing new is no event."""
    return await change_one(
        call,
        Target("agent", agent_id),
        lambda facts: UpdateAgent(at=facts.at, name=body.name, card=body.card, policy=body.policy),
        _agent_result,
    )


@router.post(
    "/{agent_id}/pause", response_model=AgentReceipt, summary="Pause an agent", responses=documented_errors(404)
)
async def pause_agent(agent_id: UUID, call: CurrentCall, body: ReasonBody | None = None) -> Any:  # noqa: ANN401 - see above
    """Stop it from taking new work; running attempts go on, also one that begins meanwhile. Twice is no error."""
    reason = body.reason if body else None
    return await change_one(
        call, Target("agent", agent_id), lambda facts: PauseAgent(at=facts.at, reason=reason), _agent_result
    )


@router.post(
    "/{agent_id}/resume", response_model=AgentReceipt, summary="Resume an agent", responses=documented_errors(404)
)
async def resume_agent(agent_id: UUID, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Let a paused agent take work again."""
    return await change_one(call, Target("agent", agent_id), lambda facts: ResumeAgent(at=facts.at), _agent_result)


@router.post(
    "/{agent_id}/retire", response_model=AgentReceipt, summary="Retire an agent", responses=documented_errors(404)
)
async def retire_agent(agent_id: UUID, call: CurrentCall, body: ReasonBody | None = None) -> Any:  # noqa: ANN401 - see above
    """Take it out of service for good; its name stays taken.

    Its open tasks stay open: cancel them with `POST /tasks/cancel`.
    """
    reason = body.reason if body else None
    return await change_one(
        call, Target("agent", agent_id), lambda facts: RetireAgent(at=facts.at, reason=reason), _agent_result
    )
