"""An agent's limit of concurrent tasks, also after it was changed: it bounds all leases, those of before as well."""

from uuid import UUID

import httpx2
import pytest

from command_api.services.assign_work import Demand, assign_work, remember_turn
from infrastructure.work_store import AgentWork
from tests.command_api.scenario import API, register_agent, submit_task, work_on

AGENT = UUID(int=1)
TASKS = tuple(UUID(int=100 + number) for number in range(9))


async def lease_all(client: httpx2.AsyncClient) -> list[dict[str, str]]:
    """Lease as many tasks as the agent lets one worker have."""
    body = {"agents": ["analyst"], "worker": "worker-1", "max_tasks": 100}
    leases: list[dict[str, str]] = (await client.post(f"{API}/leases", json=body)).json()["data"]
    return leases


async def set_limit(client: httpx2.AsyncClient, agent_id: str, limit: int | None) -> None:
    answer = await client.patch(f"{API}/agents/{agent_id}", json={"policy": {"max_concurrent_tasks": limit}})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("before", [5, None], ids=["lowered", "set"])
async def test_a_limit_that_is_lowered_or_set_counts_the_leases_of_before(
    command_client: httpx2.AsyncClient, before: int | None
) -> None:
    policy = {"max_concurrent_tasks": before}
    agent_id = (await register_agent(command_client, policy=policy))["agent_id"]
    for _ in range(5):
        await submit_task(command_client)
    leases = await lease_all(command_client)
    assert len(leases) == 5
    for _ in range(4):
        await submit_task(command_client)

    await set_limit(command_client, agent_id, 2)

    for lease in leases[:3]:
        assert await lease_all(command_client) == []
        await work_on(command_client, lease, "complete")
    assert await lease_all(command_client) == []
    await work_on(command_client, leases[3], "complete")
    later = await lease_all(command_client)
    assert len(later) == 1
    await work_on(command_client, leases[4], "complete")
    assert len(await lease_all(command_client)) == 1
    await set_limit(command_client, agent_id, 3)
    assert len(await lease_all(command_client)) == 1
    assert await lease_all(command_client) == []


@pytest.mark.parametrize(
    ("used", "reserved", "places"),
    [
        ((), set[int](), [0, 1, 2]),
        ((1,), set[int](), [0, 2]),
        ((1,), {1}, [0, 2]),
        ((1,), {0}, [2]),
        ((7, 8), set[int](), [0]),
        ((6, 7, 8), set[int](), []),
        ((6, 7, 8, 9), set[int](), []),
        ((None, None), set[int](), [0]),
        ((None, 0, 8), set[int](), []),
        ((None,), {0}, [1]),
    ],
)
def test_no_more_tasks_are_dealt_than_all_leases_leave_room_for(
    used: tuple[int | None, ...], reserved: set[int], places: list[int]
) -> None:
    work = [AgentWork(AGENT, 3, used, TASKS)]

    (share,) = assign_work([Demand((AGENT,), 9)], work, {AGENT: frozenset(reserved)}, {})

    assert [candidate.slot for candidate in share] == places


def test_however_many_agents_were_served_only_the_last_ones_are_remembered() -> None:
    turns: dict[UUID, int] = {}

    for number, agent in enumerate((1, 2, 3, 1, 4, 5, 1)):
        remember_turn(turns, UUID(int=agent), number, most=3)

    assert [(agent_id.int, number) for agent_id, number in turns.items()] == [(4, 4), (5, 5), (1, 6)]
