"""An agent's limit of concurrent tasks among two command APIs, judged by the times at which transactions committed."""

import asyncio
from itertools import accumulate

import httpx2
import pytest

from infrastructure.postgres import Pool
from tests.command_api.scenario import API, register_agent, submit_task, work_on
from tests.private_servers import PrivatePostgres

LIMIT, TASKS = 3, 30
_COMMITS = """
SELECT event_type FROM log.events WHERE event_type IN ('task.started', 'task.completed')
ORDER BY pg_xact_commit_timestamp(xmin), event_type
"""
"""What one transaction completed is free for what it leased: of one moment, completed stands before started."""


@pytest.fixture
def database_url(noting_postgres: PrivatePostgres) -> str:
    return noting_postgres.database_url


async def test_an_agents_limit_holds_at_every_commit_among_workers_of_two_processes(
    replicas: list[httpx2.AsyncClient], store: Pool
) -> None:
    await register_agent(replicas[0], policy={"max_concurrent_tasks": LIMIT})
    for _ in range(TASKS):
        await submit_task(replicas[0])
    ended = 0

    async def work(client: httpx2.AsyncClient, number: int) -> None:
        nonlocal ended
        body = {"agents": ["analyst"], "worker": f"worker-{number}", "max_tasks": 1 + number % 2, "wait_seconds": 1}
        while ended < TASKS:
            answer = await client.post(f"{API}/leases", json=body)
            assert answer.status_code == 200, answer.text
            for lease in answer.json()["data"]:
                assert (await work_on(client, lease, "complete")).status_code == 200
                ended += 1

    workers = [work(client, number) for number in range(4) for client in replicas]
    await asyncio.wait_for(asyncio.gather(*workers), 60)

    rows = await store.fetch(_COMMITS)
    leased = list(accumulate(1 if row["event_type"] == "task.started" else -1 for row in rows))
    assert len(leased) == 2 * TASKS
    assert max(leased) == LIMIT
    assert leased[-1] == 0
