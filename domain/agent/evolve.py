"""An agent's state as the fold of its events."""

from typing import assert_never

from contracts.agents import AgentStatus
from contracts.events import AgentEvent, AgentPaused, AgentRegistered, AgentResumed, AgentRetired, AgentUpdated
from domain.agent.state import Agent, require_agent

__all__ = ["evolve_agent"]


def evolve_agent(agent: Agent | None, event: AgentEvent) -> Agent:
    """Return the state after an event."""
    if isinstance(event, AgentRegistered):
        return Agent(
            agent_id=event.agent_id,
            name=event.name,
            status=AgentStatus.ACTIVE,
            card=event.card,
            policy=event.policy,
            generation=1,
        )
    agent = require_agent(agent)
    return agent.model_copy(update={"generation": agent.generation + 1, **_changes(event)})


def _changes(event: AgentUpdated | AgentPaused | AgentResumed | AgentRetired) -> dict[str, object]:
    """Return the fields that an event changes."""
    match event:
        case AgentUpdated():
            return {"name": event.name, "card": event.card, "policy": event.policy}
        case AgentPaused():
            return {"status": AgentStatus.PAUSED}
        case AgentResumed():
            return {"status": AgentStatus.ACTIVE}
        case AgentRetired():
            return {"status": AgentStatus.RETIRED}
        case _:
            assert_never(event)
