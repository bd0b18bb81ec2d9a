"""Commands on several agents at once, through the service with its real store."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from command_api.services.aggregates import Facts
from command_api.services.command_request import (
    Assignment,
    CommandAnswer,
    CommandContext,
    CommandRequest,
    Outcome,
)
from command_api.services.dependencies import CommandDependencies
from command_api.services.handle_command import handle_command
from contracts.a2a import AgentCard
from contracts.agents import AgentPolicy
from domain.agent import RegisterAgent, UpdateAgent
from domain.rejection import Conflict
from infrastructure.backoff import pause_before_try
from infrastructure.command_loads import load_command
from infrastructure.event_log import count_shards
from infrastructure.identifiers import new_id
from infrastructure.postgres import Pool
from infrastructure.write_store import StoreUnavailableError, save_command
from tests.write_path.writes import command_key

__all__ = ["dependencies_of", "register_agents", "update_agents"]

_TRACEPARENT = f"00-{'1' * 32}-{'2' * 16}-01"


def dependencies_of(pool: Pool, make_id: Callable[[], UUID] = new_id) -> CommandDependencies:
    return CommandDependencies(
        load=partial(load_command, pool),
        save=partial(save_command, pool),
        announce=lambda _shards: None,
        announce_work=lambda: None,
        pause=pause_before_try,
        make_id=make_id,
        shards=partial(count_shards, pool),
    )


def _respond(event_ids: list[UUID], _facts: Facts, outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
    """The ids that the events are about to get, so that receipt and log can be compared."""
    event_ids[:] = [new_id() for outcome in outcomes for _ in outcome.events]
    return {str(event_id): True for event_id in event_ids}


async def _carry_out(
    pool: Pool, key: str, agents: Sequence[UUID], prepare: Callable[[Facts], Sequence[Assignment]]
) -> CommandAnswer:
    """Send until it is carried out, as a client with an Idempotency-Key does; AssertionError after many tries."""
    event_ids: list[UUID] = []
    request = CommandRequest(
        context=CommandContext(command_key(key), key.encode(), key, key, _TRACEPARENT),
        prepare=prepare,
        respond=partial(_respond, event_ids),
        aggregate_ids=agents,
    )
    for _ in range(60):
        try:
            return await handle_command(request, dependencies_of(pool, lambda: event_ids.pop(0)))
        except Conflict as conflict:
            if conflict.code != "version_conflict":
                raise
        except StoreUnavailableError:
            continue
    raise AssertionError(f"{key} was not carried out")


async def register_agents(pool: Pool, key: str, agents: Sequence[UUID]) -> CommandAnswer:
    """Register agents under the given ids, in the given order, in one command."""

    def prepare(facts: Facts) -> list[Assignment]:
        return [
            Assignment(
                "agent",
                agent,
                RegisterAgent(at=facts.at, agent_id=agent, name=f"a-{agent}", card=AgentCard(), policy=AgentPolicy()),
            )
            for agent in agents
        ]

    return await _carry_out(pool, key, agents, prepare)


async def update_agents(pool: Pool, key: str, agents: Sequence[UUID]) -> CommandAnswer:
    """Change each agent's card so that it names the command, in the given order, in one command."""

    def prepare(facts: Facts) -> list[Assignment]:
        return [
            Assignment(
                "agent", agent, UpdateAgent(at=facts.at, name=None, card=AgentCard(description=key), policy=None)
            )
            for agent in agents
        ]

    return await _carry_out(pool, key, agents, prepare)
