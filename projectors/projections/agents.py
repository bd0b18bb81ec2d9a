"""Agents, as lists show them and whole: one row an agent in each of two tables."""

from typing import Any, assert_never

from contracts.agents import AgentStatus
from contracts.events import (
    AgentEvent,
    AgentPaused,
    AgentRegistered,
    AgentResumed,
    AgentRetired,
    AgentUpdated,
    Event,
)
from contracts.record import replace_fields
from contracts.views import AgentDetail, AgentSummary
from projectors.projections.expectations import expect_next, expect_nothing
from projectors.projections.projection import Projection, Recorded, ViewTable
from projectors.projections.rendering import render_view, render_whole

__all__ = ["AGENTS", "project_agent_detail", "project_agent_summary"]


def _registered_summary(recorded: Recorded[AgentEvent], event: AgentRegistered) -> AgentSummary:
    """Return an agent in a list as it comes into being."""
    return AgentSummary(
        agent_id=recorded.aggregate_id,
        name=event.name,
        description=event.card.description,
        status=AgentStatus.ACTIVE,
        skills=tuple(skill.name for skill in event.card.skills),
        generation=recorded.generation,
        registered_at=recorded.time,
        updated_at=recorded.time,
    )


def project_agent_summary(view: AgentSummary | None, recorded: Recorded[AgentEvent]) -> AgentSummary | None:
    """Return the agent in a list after an event."""
    event = recorded.event
    if isinstance(event, AgentRegistered):
        expect_nothing(view, recorded)
        return _registered_summary(recorded, event)
    changes: dict[str, Any] = {"generation": recorded.generation, "updated_at": recorded.time}
    match event:
        case AgentUpdated():
            skills = tuple(skill.name for skill in event.card.skills)
            changes |= {"name": event.name, "description": event.card.description, "skills": skills}
        case AgentPaused():
            changes["status"] = AgentStatus.PAUSED
        case AgentResumed():
            changes["status"] = AgentStatus.ACTIVE
        case AgentRetired():
            changes["status"] = AgentStatus.RETIRED
        case _:
            assert_never(event)
    return replace_fields(expect_next(view, recorded), changes)


def _registered_detail(recorded: Recorded[AgentEvent], event: AgentRegistered) -> AgentDetail:
    """Return an agent as it comes into being."""
    return AgentDetail(
        agent_id=recorded.aggregate_id,
        workspace_id=recorded.workspace_id,
        name=event.name,
        status=AgentStatus.ACTIVE,
        status_reason=None,
        card=event.card,
        policy=event.policy,
        generation=recorded.generation,
        registered_at=recorded.time,
        updated_at=recorded.time,
    )


def project_agent_detail(view: AgentDetail | None, recorded: Recorded[AgentEvent]) -> AgentDetail | None:
    """Return the agent after an event."""
    event = recorded.event
    if isinstance(event, AgentRegistered):
        expect_nothing(view, recorded)
        return _registered_detail(recorded, event)
    changes: dict[str, Any] = {"generation": recorded.generation, "updated_at": recorded.time}
    match event:
        case AgentUpdated():
            changes |= {"name": event.name, "card": event.card, "policy": event.policy}
        case AgentPaused():
            changes |= {"status": AgentStatus.PAUSED, "status_reason": event.reason}
        case AgentResumed():
            changes |= {"status": AgentStatus.ACTIVE, "status_reason": None}
        case AgentRetired():
            changes |= {"status": AgentStatus.RETIRED, "status_reason": event.reason}
        case _:
            assert_never(event)
    return replace_fields(expect_next(view, recorded), changes)


def _tags(recorded: Recorded[Event]) -> tuple[str, ...]:
    """Name the agent and the list that it stands in."""
    return (f"agent_detail/{recorded.aggregate_id}", f"agent_list/{recorded.workspace_id}")


AGENTS = Projection(
    name="agents",
    event_types=frozenset(
        event.type for event in (AgentRegistered, AgentUpdated, AgentPaused, AgentResumed, AgentRetired)
    ),
    tags=_tags,
    views=(
        ViewTable(
            table="agent_list",
            view=AgentSummary,
            project=project_agent_summary,
            columns=lambda view: (view.name, view.status.value),
            render=render_whole,
        ),
        ViewTable(
            table="agent_detail",
            view=AgentDetail,
            project=project_agent_detail,
            columns=lambda view: (view.generation,),
            render=render_view,
        ),
    ),
)
"""The projection `agents`."""
