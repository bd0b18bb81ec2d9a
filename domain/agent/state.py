"""What must be known of an agent to decide: the aggregate's state."""

from uuid import UUID

from pydantic import ConfigDict

from contracts.a2a import AgentCard
from contracts.agents import AgentPolicy, AgentStatus
from contracts.record import Record
from domain.rejection import Conflict, Invalid, NotFound

__all__ = ["Agent", "require_agent", "require_possible_rules", "require_unretired_agent", "require_working_agent"]


class Agent(Record):
    """An agent; `generation` counts its events. Reads states that hold more than it knows."""

    model_config = ConfigDict(extra="ignore")

    agent_id: UUID
    name: str
    status: AgentStatus
    card: AgentCard
    policy: AgentPolicy
    generation: int


def require_agent(agent: Agent | None) -> Agent:
    """Return the agent; raises NotFound `agent_not_found`."""
    if agent is None:
        raise NotFound("agent_not_found", "There is no such agent.")
    return agent


def require_unretired_agent(agent: Agent | None) -> Agent:
    """Return an agent that can still change; raises NotFound, or Conflict `agent_retired`."""
    agent = require_agent(agent)
    if agent.status is AgentStatus.RETIRED:
        raise Conflict("agent_retired", f"The agent {agent.name} is retired.")
    return agent


def require_working_agent(agent: Agent | None) -> Agent:
    """Return an agent that takes work; raises NotFound, or Conflict `agent_retired` or `agent_paused`."""
    agent = require_unretired_agent(agent)
    if agent.status is AgentStatus.PAUSED:
        raise Conflict("agent_paused", f"The agent {agent.name} is paused; resume it first.")
    return agent


def require_possible_rules(policy: AgentPolicy) -> None:
    """Raise Invalid `impossible_approval_rule` where a rule names fewer people than it needs.

    Not a constraint of the rule itself: agents may have such rules since before they were refused.
    """
    for number, rule in enumerate(policy.approvals, start=1):
        if not rule.can_be_decided:
            needed, named = max(rule.required, rule.refusals), len(set(rule.people))
            message = f"Approval rule {number} names {named} people and no role, and needs {needed}."
            raise Invalid("impossible_approval_rule", message)
