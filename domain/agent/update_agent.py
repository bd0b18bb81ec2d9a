"""Change what an agent says of itself and the rules it works under."""

from datetime import datetime

from contracts.a2a import AgentCard
from contracts.agents import AgentPolicy
from contracts.events import AgentUpdated
from contracts.record import Record
from domain.agent.state import Agent, require_possible_rules, require_unretired_agent

__all__ = ["UpdateAgent", "decide_update_agent"]


class UpdateAgent(Record):
    """Replace those of name, card and policy that are given, each whole."""

    at: datetime
    name: str | None
    card: AgentCard | None
    policy: AgentPolicy | None


def decide_update_agent(command: UpdateAgent, agent: Agent | None) -> list[AgentUpdated]:
    """Return the agent as it will be; nothing where nothing changes. Refused where nobody could decide by a rule."""
    agent = require_unretired_agent(agent)
    name, card, policy = command.name or agent.name, command.card or agent.card, command.policy or agent.policy
    if (name, card, policy) == (agent.name, agent.card, agent.policy):
        return []
    if policy != agent.policy:
        require_possible_rules(policy)
    return [AgentUpdated(name=name, card=card, policy=policy)]
