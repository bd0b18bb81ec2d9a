"""What each command of an agent leads to, edge cases first."""

from typing import get_args

import pytest

from contracts.a2a import AgentCard
from contracts.agents import AgentPolicy, AgentStatus
from contracts.approvals import ApprovalRule
from contracts.events import AgentEvent, AgentPaused, AgentResumed, AgentRetired, AgentUpdated
from domain.agent import (
    AgentCommand,
    PauseAgent,
    RegisterAgent,
    ResumeAgent,
    RetireAgent,
    UpdateAgent,
    evolve_agent,
)
from domain.rejection import Conflict, Invalid, NotFound
from tests.domain.samples import AGENT_ID, NOON, PAUSED, REGISTERED, RETIRED
from tests.domain.scenario import given_agent

REGISTER = RegisterAgent(
    at=NOON, agent_id=AGENT_ID, name=REGISTERED.name, card=REGISTERED.card, policy=REGISTERED.policy
)
PAUSE = PauseAgent(at=NOON, reason="too dear")
RESUME = ResumeAgent(at=NOON)
RETIRE = RetireAgent(at=NOON, reason="replaced")
UPDATE = UpdateAgent(at=NOON, name="reader", card=None, policy=None)


def test_a_new_agent_is_active_and_of_generation_one() -> None:
    agent = given_agent().when(REGISTER).then(REGISTERED)

    assert agent is not None
    assert (agent.status, agent.generation, agent.name) == (AgentStatus.ACTIVE, 1, "analyst")


@pytest.mark.parametrize(
    ("rule", "is_possible"),
    [
        ({"people": ("ada",), "required": 2}, False),
        ({"people": ("ada", "ada"), "required": 2}, False),
        ({"people": ("ada", "bo"), "required": 2}, True),
        ({"people": ("ada",), "refusals": 2}, False),
        ({"people": ("ada",), "roles": ("boss",), "required": 2, "refusals": 2}, True),
        ({"roles": ("boss",), "required": 20}, True),
    ],
)
def test_a_rule_that_needs_more_people_than_it_names_is_refused(rule: dict[str, object], *, is_possible: bool) -> None:
    possible = ApprovalRule(operations=("buy",), roles=("boss",))
    policy = AgentPolicy(approvals=(possible, ApprovalRule.model_validate({"operations": ("pay",), **rule})))
    stored = REGISTERED.model_copy(update={"policy": policy})
    register, update = REGISTER.model_copy(update={"policy": policy}), UPDATE.model_copy(update={"policy": policy})

    if is_possible:
        given_agent().when(register).then(stored)
        given_agent(REGISTERED).when(update).then(AgentUpdated(name="reader", card=REGISTERED.card, policy=policy))
    else:
        given_agent().when(register).then_rejected("impossible_approval_rule", Invalid)
        given_agent(REGISTERED).when(update).then_rejected("impossible_approval_rule", Invalid)
    # One that has it since before may still get another name.
    given_agent(stored).when(UPDATE).then(AgentUpdated(name="reader", card=REGISTERED.card, policy=policy))


def test_pausing_stops_an_active_agent() -> None:
    agent = given_agent(REGISTERED).when(PAUSE).then(AgentPaused(reason="too dear"))

    assert agent is not None
    assert (agent.status, agent.generation) == (AgentStatus.PAUSED, 2)


def test_a_pause_needs_no_reason() -> None:
    given_agent(REGISTERED).when(PauseAgent(at=NOON, reason=None)).then(AgentPaused(reason=None))


def test_resuming_brings_a_paused_agent_back() -> None:
    agent = given_agent(REGISTERED, PAUSED).when(RESUME).then(AgentResumed())

    assert agent is not None
    assert (agent.status, agent.generation) == (AgentStatus.ACTIVE, 3)


@pytest.mark.parametrize("history", [(REGISTERED,), (REGISTERED, PAUSED)])
def test_an_agent_is_retired_from_work_or_from_a_pause(history: tuple[AgentPaused, ...]) -> None:
    agent = given_agent(*history).when(RETIRE).then(AgentRetired(reason="replaced"))

    assert agent is not None
    assert agent.status is AgentStatus.RETIRED


def test_updating_to_what_stands_changes_nothing() -> None:
    same = UpdateAgent(at=NOON, name=REGISTERED.name, card=REGISTERED.card, policy=REGISTERED.policy)

    given_agent(REGISTERED).when(same).then()


def test_updating_nothing_changes_nothing() -> None:
    given_agent(REGISTERED).when(UpdateAgent(at=NOON, name=None, card=None, policy=None)).then()


def test_an_update_of_one_thing_keeps_the_others() -> None:
    policy = AgentPolicy(lease_seconds=5, max_attempts=9)
    command = UpdateAgent(at=NOON, name=None, card=None, policy=policy)

    agent = (
        given_agent(REGISTERED).when(command).then(AgentUpdated(name="analyst", card=REGISTERED.card, policy=policy))
    )

    assert agent is not None
    assert (agent.policy, agent.name, agent.card) == (policy, "analyst", REGISTERED.card)


def test_card_and_policy_are_replaced_whole() -> None:
    card, policy = AgentCard(description="new"), AgentPolicy(max_attempts=1)
    command = UpdateAgent(at=NOON, name="reader", card=card, policy=policy)

    given_agent(REGISTERED).when(command).then(AgentUpdated(name="reader", card=card, policy=policy))


def test_a_paused_agent_is_updated_and_stays_paused() -> None:
    expected = AgentUpdated(name="reader", card=REGISTERED.card, policy=REGISTERED.policy)

    agent = given_agent(REGISTERED, PAUSED).when(UPDATE).then(expected)

    assert agent is not None
    assert agent.status is AgentStatus.PAUSED


SITUATIONS: dict[str, tuple[AgentEvent, ...]] = {
    "missing": (),
    "active": (REGISTERED,),
    "paused": (REGISTERED, PAUSED),
    "resumed": (REGISTERED, PAUSED, AgentResumed()),
    "retired": (REGISTERED, RETIRED),
}
COMMANDS: dict[str, AgentCommand] = {
    "register": REGISTER,
    "update": UPDATE,
    "pause": PAUSE,
    "resume": RESUME,
    "retire": RETIRE,
}
UPDATED = AgentUpdated(name="reader", card=REGISTERED.card, policy=REGISTERED.policy)
LEGAL: dict[tuple[str, str], list[AgentEvent]] = {
    ("missing", "register"): [REGISTERED],
    **{(situation, "update"): [UPDATED] for situation in ("active", "paused", "resumed")},
    **{(situation, "pause"): [AgentPaused(reason="too dear")] for situation in ("active", "resumed")},
    **{(situation, "resume"): [] for situation in ("active", "resumed")},
    **{(situation, "retire"): [AgentRetired(reason="replaced")] for situation in ("active", "paused", "resumed")},
    ("paused", "pause"): [],
    ("paused", "resume"): [AgentResumed()],
    ("retired", "retire"): [],
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_situation_meets_every_command(situation: str, command: str) -> None:
    outcome = given_agent(*SITUATIONS[situation]).when(COMMANDS[command])

    if (situation, command) in LEGAL:
        outcome.then(*LEGAL[situation, command])
    elif situation == "missing":
        outcome.then_rejected("agent_not_found", NotFound)
    else:
        outcome.then_rejected("agent_exists" if command == "register" else "agent_retired", Conflict)


def test_the_table_names_every_state_and_every_command() -> None:
    states = [given_agent(*events).state for events in SITUATIONS.values() if events]

    assert {state.status for state in states if state is not None} == set(AgentStatus)
    assert {type(command) for command in COMMANDS.values()} == set(get_args(AgentCommand.__value__))


def test_an_event_of_an_agent_that_never_was_cannot_be_applied() -> None:
    with pytest.raises(NotFound):
        evolve_agent(None, PAUSED)
