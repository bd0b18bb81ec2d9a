"""Finding work: for leases, for the scheduler and for bulk commands, and the content that goes with it.

Reads `write.aggregates` and `write.messages`; writes nothing and takes no lock: who gets a task is decided by the
optimistic check when it is saved.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool
from infrastructure.work_statements import (
    DUE_STATEMENT,
    OPEN_IN_CONTEXT,
    OPEN_OF_AGENTS,
    OPEN_THAT_WAIT,
    WORK_STATEMENT,
)

__all__ = [
    "AgentWork",
    "FindAgents",
    "OpenTaskFilter",
    "find_agents",
    "find_due_tasks",
    "find_open_tasks",
    "find_work",
    "read_messages",
    "remembered_agents",
]


class AgentWork(NamedTuple):
    """What an agent has to do now: its tasks that are ready, the most urgent first; none where it is not active.

    `limit` is the number of its tasks that may be leased at a time, None where there is no limit. Where there is one,
    `used_slots` has the place of each of its leases, None for one of before. One that is retired never has work again.
    `name` is today's.
    """

    agent_id: UUID
    limit: int | None
    used_slots: tuple[int | None, ...]
    task_ids: tuple[UUID, ...]
    is_retired: bool = False
    name: str = ""


type FindAgents = Callable[[str, Sequence[UUID], Sequence[str]], Awaitable[dict[UUID | str, UUID]]]
"""Returns the ids of those agents of a workspace that exist, by what they were asked for: id or name."""

_REMEMBERED_SECONDS: Final = 1.0
_REMEMBERED_AGENTS: Final = 10_000


async def find_work(pool: Pool, wanted: Mapping[UUID, int], excluded: Sequence[UUID]) -> list[AgentWork]:
    """Return, of the agents given, the tasks that may be leased now: at most as many as wanted.

    `excluded` tasks are left out: somebody in this process is about to lease them.
    """
    rows = await pool.fetch(WORK_STATEMENT, list(wanted.keys()), list(wanted.values()), excluded)
    return [AgentWork(row[0], row[1], tuple(row[2]), tuple(row[3]), row[4], row[5]) for row in rows]


async def find_due_tasks(pool: Pool, limit: int, excluded: Sequence[UUID]) -> list[tuple[str, UUID]]:
    """Return (workspace, task id) of the tasks about which time alone has something to say, the longest due first."""
    rows = await pool.fetch(DUE_STATEMENT, limit, excluded)
    return [(row[0], row[1]) for row in rows]


class OpenTaskFilter(NamedTuple):
    """Which open tasks are meant; None means any. `waits_for` is the question or approval that they wait for."""

    workspace_id: str
    context_id: str | None = None
    agent_id: UUID | None = None
    state: str | None = None
    waits_for: UUID | None = None


async def find_open_tasks(pool: Pool, chosen: OpenTaskFilter, after: UUID, limit: int) -> list[UUID]:
    """Return the ids of open tasks behind `after`, ascending."""
    rows = await pool.fetch(_statement(chosen), *chosen, after, limit)
    return [row[0] for row in rows]


def _statement(chosen: OpenTaskFilter) -> str:
    """Return the statement whose index finds the fewest tasks that don't fit."""
    if chosen.waits_for is not None:
        return OPEN_THAT_WAIT
    return OPEN_OF_AGENTS if chosen.context_id is None else OPEN_IN_CONTEXT


async def find_agents(
    pool: Pool, workspace_id: str, agent_ids: Sequence[UUID], agent_names: Sequence[str]
) -> dict[UUID | str, UUID]:
    """Return the ids of those of the agents that exist, by what they were asked for: id or name."""
    rows = await pool.fetch(
        "SELECT id, state ->> 'name' FROM write.aggregates"
        " WHERE kind = 'agent' AND workspace_id = $1 AND (id = ANY ($2) OR state ->> 'name' = ANY ($3))",
        workspace_id,
        agent_ids,
        agent_names,
    )
    found: dict[UUID | str, UUID] = {}
    for agent_id, name in rows:
        found[agent_id] = found[name] = agent_id
    return found


def remembered_agents(pool: Pool) -> FindAgents:
    """Return `find_agents` with a memory of one second, for workers that ask for work again and again.

    An agent that was given another name is found by the old one for so long: whoever relies on a name must look whether
    it still has it. One that was not there is asked for anew.
    """
    known: dict[tuple[str, UUID | str], tuple[float, UUID]] = {}

    async def find(workspace_id: str, agent_ids: Sequence[UUID], agent_names: Sequence[str]) -> dict[UUID | str, UUID]:
        now = monotonic_seconds()
        wanted: list[UUID | str] = [*agent_ids, *agent_names]
        entries = [known.get((workspace_id, agent)) for agent in wanted]
        if all(entry is not None and entry[0] > now for entry in entries):
            return {agent: entry[1] for agent, entry in zip(wanted, entries, strict=True) if entry is not None}
        found = await find_agents(pool, workspace_id, agent_ids, agent_names)
        if len(known) >= _REMEMBERED_AGENTS:
            known.clear()
        known.update(
            ((workspace_id, agent), (now + _REMEMBERED_SECONDS, found[agent])) for agent in wanted if agent in found
        )
        return found

    return find


async def read_messages(pool: Pool, workspace_id: str, wanted: Mapping[UUID, range]) -> dict[UUID, list[bytes]]:
    """Return what workers are handed with tasks of a workspace, by the ordinals that are wanted: bodies in order."""
    rows = await pool.fetch(
        "SELECT m.task_id, m.body"
        " FROM unnest((SELECT $2::uuid[]), (SELECT $3::integer[]), (SELECT $4::integer[])) AS t(task_id, first, stop)"
        " JOIN write.aggregates a ON a.id = t.task_id AND a.workspace_id = $1"
        " JOIN write.messages m ON m.task_id = t.task_id AND m.ordinal >= t.first AND m.ordinal < t.stop"
        " ORDER BY m.task_id, m.ordinal",
        workspace_id,
        list(wanted.keys()),
        [ordinals.start for ordinals in wanted.values()],
        [ordinals.stop for ordinals in wanted.values()],
    )
    bodies: dict[UUID, list[bytes]] = {task_id: [] for task_id in wanted}
    for task_id, body in rows:
        bodies[task_id].append(body)
    return bodies
