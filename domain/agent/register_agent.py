"""Register an agent under a name of its own."""

from datetime import datetime
from uuid import UUID

from contracts.a2a import AgentCard
from contracts.agents import AgentPolicy
from contracts.events import AgentRegistered
from contracts.record import Record
from domain.agent.state import Agent, require_possible_rules
from domain.rejection import Conflict

__all__ = ["RegisterAgent", "decide_register_agent"]


class RegisterAgent(Record):
    """Bring an agent into being; that its name is free in the workspace is guarded by the store."""

    at: datetime
    agent_id: UUID
    name: str
    card: AgentCard
    policy: AgentPolicy


def decide_register_agent(command: RegisterAgent, agent: Agent | None) -> list[AgentRegistered]:
    """Return the registration; refused where the id is taken, or nobody could decide as a rule says."""
    if agent is not None:
        raise Conflict("agent_exists", "An agent with this id exists.")
    require_possible_rules(command.policy)
    return [AgentRegistered(agent_id=command.agent_id, name=command.name, card=command.card, policy=command.policy)]
