"""Let a paused agent take work again."""

from datetime import datetime

from contracts.agents import AgentStatus
from contracts.events import AgentResumed
from contracts.record import Record
from domain.agent.state import Agent, require_unretired_agent

__all__ = ["ResumeAgent", "decide_resume_agent"]


class ResumeAgent(Record):
    """Resume a paused agent."""

    at: datetime


def decide_resume_agent(_command: ResumeAgent, agent: Agent | None) -> list[AgentResumed]:
    """Return the resumption; nothing where the agent is active already."""
    agent = require_unretired_agent(agent)
    if agent.status is AgentStatus.ACTIVE:
        return []
    return [AgentResumed()]
