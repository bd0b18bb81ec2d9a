"""Workspaces beside each other: however much one has to do, the others get theirs meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool
from tests.command_api.scenario import API, bearer, lease_one, register_agent, submit_task, user_message, work_on


@pytest.fixture
async def neighbour(application: FastAPI, store: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of another workspace."""
    key = new_api_key()
    await store_api_key(store, key, workspace_id="elsewhere", name="neighbour")
    transport = httpx2.ASGITransport(app=application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://bureau", headers=bearer(key)) as client:
        yield client


async def work_through(client: httpx2.AsyncClient, done: list[str]) -> None:
    """Lease and complete until nothing is left."""
    body = {"agents": ["analyst"], "worker": "w"}
    while leases := (await client.post(f"{API}/leases", json=body)).json()["data"]:
        for lease in leases:
            assert (await work_on(client, lease, "complete")).status_code == 200
            done.append(lease["task_id"])


async def test_a_workspace_with_much_to_do_keeps_no_other_waiting(
    command_client: httpx2.AsyncClient, neighbour: httpx2.AsyncClient
) -> None:
    for client in (command_client, neighbour):
        await register_agent(client)
    item = {"agent": "analyst", "message": user_message(), "priority": 9}
    batch = await command_client.post(f"{API}/tasks/batch", json={"tasks": [item] * 150})
    assert batch.status_code == 200
    done: list[str] = []
    busy = [asyncio.create_task(work_through(command_client, done)) for _ in range(10)]

    for _ in range(3):
        task = await submit_task(neighbour, priority=0)
        lease = await lease_one(neighbour, wait_seconds=30)
        assert lease["task_id"] == task["task_id"]
    done_meanwhile = len(done)

    await asyncio.gather(*busy)
    assert done_meanwhile < 150 == len(set(done)) == len(done)
