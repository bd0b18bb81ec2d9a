"""Stop an agent from taking work, for a while."""

from datetime import datetime

from contracts.agents import AgentStatus
from contracts.events import AgentPaused
from contracts.record import Record
from domain.agent.state import Agent, require_unretired_agent

__all__ = ["PauseAgent", "decide_pause_agent"]


class PauseAgent(Record):
    """Pause; running attempts go on, nothing new is submitted or leased."""

    at: datetime
    reason: str | None


def decide_pause_agent(command: PauseAgent, agent: Agent | None) -> list[AgentPaused]:
    """Return the pause; nothing where the agent is paused already."""
    agent = require_unretired_agent(agent)
    if agent.status is AgentStatus.PAUSED:
        return []
    return [AgentPaused(reason=command.reason)]
