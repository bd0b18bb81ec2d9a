"""Agents, pure: given what happened before, when an event comes, then list and detail are this."""

from contracts.a2a import AgentCard, AgentSkill
from contracts.agents import AgentPolicy, AgentStatus
from contracts.events import AgentPaused, AgentRegistered, AgentResumed, AgentRetired, AgentUpdated
from contracts.views import AgentDetail
from projectors.projections.agents import project_agent_detail, project_agent_summary
from projectors.projections.rendering import render_view
from tests.projectors.given import ID, at, fold

CARD = AgentCard(description="Reads logs", skills=(AgentSkill(id="s", name="Reading"),))
REGISTERED = AgentRegistered(agent_id=ID, name="analyst", card=CARD, policy=AgentPolicy())


def test_an_agent_is_paused_resumed_and_retired_with_reasons() -> None:
    paused = fold(project_agent_detail, [REGISTERED, AgentPaused(reason="night")])
    assert (paused.status, paused.status_reason) == (AgentStatus.PAUSED, "night")
    resumed = fold(project_agent_detail, [REGISTERED, AgentPaused(reason="night"), AgentResumed()])
    assert (resumed.status, resumed.status_reason, resumed.generation) == (AgentStatus.ACTIVE, None, 3)
    retired = fold(project_agent_summary, [REGISTERED, AgentRetired(reason=None)])
    assert (retired.status, retired.registered_at, retired.updated_at) == (AgentStatus.RETIRED, at(1), at(2))


def test_an_updated_agent_is_as_the_event_says_in_list_and_detail() -> None:
    updated = AgentUpdated(name="reader", card=AgentCard(description="New"), policy=AgentPolicy(lease_seconds=5))
    in_list = fold(project_agent_summary, [REGISTERED, updated])
    assert (in_list.name, in_list.description, in_list.skills) == ("reader", "New", ())
    whole = fold(project_agent_detail, [REGISTERED, updated])
    assert (whole.name, whole.card.description, whole.policy.lease_seconds) == ("reader", "New", 5)


def test_an_agent_survives_being_kept_as_json() -> None:
    agent = fold(project_agent_detail, [REGISTERED])
    assert AgentDetail.model_validate_json(render_view(agent)) == agent
