"""Take an agent out of service for good."""

from datetime import datetime

from contracts.agents import AgentStatus
from contracts.events import AgentRetired
from contracts.record import Record
from domain.agent.state import Agent, require_agent

__all__ = ["RetireAgent", "decide_retire_agent"]


class RetireAgent(Record):
    """Retire; there is no way back."""

    at: datetime
    reason: str | None


def decide_retire_agent(command: RetireAgent, agent: Agent | None) -> list[AgentRetired]:
    """Return the retirement; nothing where the agent is retired already."""
    agent = require_agent(agent)
    if agent.status is AgentStatus.RETIRED:
        return []
    return [AgentRetired(reason=command.reason)]
