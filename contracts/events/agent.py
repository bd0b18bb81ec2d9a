"""The events of an agent; their subject is `agent/<agent id>`."""

from typing import ClassVar
from uuid import UUID

from contracts.a2a import AgentCard
from contracts.agents import AgentPolicy
from contracts.events.event import Event

__all__ = ["AgentEvent", "AgentPaused", "AgentRegistered", "AgentResumed", "AgentRetired", "AgentUpdated"]


class AgentRegistered(Event):
    """An agent came into being, active."""

    type: ClassVar[str] = "agent.registered"
    agent_id: UUID
    name: str
    card: AgentCard
    policy: AgentPolicy


class AgentUpdated(Event):
    """Name, card and policy are from now on as they stand here, whole."""

    type: ClassVar[str] = "agent.updated"
    name: str
    card: AgentCard
    policy: AgentPolicy


class AgentPaused(Event):
    """No task of the agent is submitted or leased until it is resumed; running attempts go on."""

    type: ClassVar[str] = "agent.paused"
    reason: str | None = None


class AgentResumed(Event):
    """A paused agent takes work again."""

    type: ClassVar[str] = "agent.resumed"


class AgentRetired(Event):
    """The agent takes no work any more, for good; its name stays taken."""

    type: ClassVar[str] = "agent.retired"
    reason: str | None = None


type AgentEvent = AgentRegistered | AgentUpdated | AgentPaused | AgentResumed | AgentRetired
