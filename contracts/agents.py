"""What is said of agents beyond A2A's card: status and policy."""

from enum import StrEnum
from typing import Annotated

from pydantic import FailFast, Field, StringConstraints

from contracts.approvals import ApprovalRule
from contracts.record import Record

__all__ = ["AgentName", "AgentPolicy", "AgentStatus", "RetryPolicy"]

type AgentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
"""Unique in its workspace: 1 to 63 lower-case letters, digits, dots, dashes and underscores."""


class AgentStatus(StrEnum):
    """Whether an agent takes work: a paused one keeps its tasks, a retired one never comes back."""

    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"


class RetryPolicy(Record):
    """How long a task waits before its next attempt: min(cap, base * factor^(attempt - 1)), less a random share.

    The share is up to `jitter` of the delay, so that tasks that failed together don't come back together.
    """

    base_seconds: Annotated[float, Field(ge=0, le=86_400, strict=True)] = 1.0
    factor: Annotated[float, Field(ge=1, le=100, strict=True)] = 2.0
    cap_seconds: Annotated[float, Field(ge=0, le=604_800, strict=True)] = 300.0
    jitter: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.2
    never_retried: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...],
        FailFast(),
        Field(max_length=100, description="Codes of failures that end the task whatever the worker says."),
    ] = ()


class AgentPolicy(Record):
    """The rules under which an agent's tasks are worked on.

    A task keeps `max_attempts`, `retry` and `attempt_seconds` of its submission; the others hold as they are today.
    """

    lease_seconds: Annotated[
        int, Field(ge=1, le=3600, strict=True, description="Length of a lease where the worker names none.")
    ] = 60
    max_attempts: Annotated[
        int, Field(ge=1, le=100, strict=True, description="Attempts before a task fails for good.")
    ] = 3
    retry: RetryPolicy = RetryPolicy()
    attempt_seconds: Annotated[
        int | None,
        Field(ge=1, le=604_800, strict=True, description="Longest time of one attempt, whatever its heartbeats say."),
    ] = None
    max_concurrent_tasks: Annotated[
        int | None,
        Field(ge=1, le=10_000, strict=True, description="Tasks of the agent that may be leased at the same time."),
    ] = None
    approvals: Annotated[
        tuple[ApprovalRule, ...],
        FailFast(),
        Field(max_length=50, description="The first rule that covers an operation says who must approve it."),
    ] = ()
