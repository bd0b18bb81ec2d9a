"""Agents: who can be given work."""

from domain.agent.decide import AgentCommand, decide_agent
from domain.agent.evolve import evolve_agent
from domain.agent.pause_agent import PauseAgent
from domain.agent.register_agent import RegisterAgent
from domain.agent.resume_agent import ResumeAgent
from domain.agent.retire_agent import RetireAgent
from domain.agent.state import Agent
from domain.agent.update_agent import UpdateAgent

__all__ = [
    "Agent",
    "AgentCommand",
    "PauseAgent",
    "RegisterAgent",
    "ResumeAgent",
    "RetireAgent",
    "UpdateAgent",
    "decide_agent",
    "evolve_agent",
]
