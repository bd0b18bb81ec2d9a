"""Every command of an agent, and who decides it."""

from collections.abc import Sequence
from typing import assert_never

from contracts.events import AgentEvent
from domain.agent.pause_agent import PauseAgent, decide_pause_agent
from domain.agent.register_agent import RegisterAgent, decide_register_agent
from domain.agent.resume_agent import ResumeAgent, decide_resume_agent
from domain.agent.retire_agent import RetireAgent, decide_retire_agent
from domain.agent.state import Agent
from domain.agent.update_agent import UpdateAgent, decide_update_agent

__all__ = ["AgentCommand", "decide_agent"]

type AgentCommand = RegisterAgent | UpdateAgent | PauseAgent | ResumeAgent | RetireAgent


def decide_agent(command: AgentCommand, agent: Agent | None) -> Sequence[AgentEvent]:
    """Return the events that a command leads to, none where it changes nothing; raises Rejection."""
    match command:
        case RegisterAgent():
            return decide_register_agent(command, agent)
        case UpdateAgent():
            return decide_update_agent(command, agent)
        case PauseAgent():
            return decide_pause_agent(command, agent)
        case ResumeAgent():
            return decide_resume_agent(command, agent)
        case RetireAgent():
            return decide_retire_agent(command, agent)
        case _:
            assert_never(command)
