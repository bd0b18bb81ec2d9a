"""What is said of agents beyond A2A's card: status and policy."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.record import Record

__all__ = ["AgentName", "AgentPolicy", "AgentStatus"]

type AgentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
"""Unique in its workspace: 1 to 63 lower-case letters, digits, dots, dashes and underscores."""


class AgentStatus(StrEnum):
    """Whether an agent takes work: a paused one keeps its tasks, a retired one never comes back."""

    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"


class AgentPolicy(Record):
    """The rules under which an agent's tasks are worked on; a task keeps those of its submission."""

    lease_seconds: Annotated[
        int, Field(ge=1, le=3600, strict=True, description="Length of a lease where the worker names none.")
    ] = 60
    max_attempts: Annotated[
        int, Field(ge=1, le=100, strict=True, description="Attempts before a task fails for good.")
    ] = 3
