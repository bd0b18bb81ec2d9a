"""What can be nobody's: ids that are none, and the work of agents that are retired."""

import asyncio
import re

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool
from tests.command_api.scenario import API, assert_error, nothing_written, register_agent, send_json, submit_task
from tests.command_api.test_documentation import COMMANDS
from tests.command_api.test_waiting import is_waiting

LEASE = {"Lease-Token": "a-token"}


async def test_an_id_that_is_no_uuid_is_not_found_by_any_command_as_one_that_is_nobodys(
    command_client: httpx2.AsyncClient, store: Pool, subtests: pytest.Subtests
) -> None:
    async with nothing_written(store):
        for method, path in sorted(COMMANDS):
            name = re.search(r"\{(\w+)_id\}", path)
            if name is None or name[1] == "context":
                continue
            with subtests.test(f"{method} {path}"):
                target = re.sub(r"\{\w+\}", "none", path)
                response = await send_json(command_client, target, {}, method.upper(), **LEASE)
                assert_error(response, 404, f"{name[1]}_not_found", path=f"path.{name[1]}_id")


async def test_the_work_of_agents_that_are_all_retired_is_refused(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    await register_agent(command_client, "reader")
    await command_client.post(f"{API}/agents/{agent_id}/retire")
    body = {"agents": ["analyst", agent_id], "worker": "w", "wait_seconds": 30}

    async with nothing_written(store):
        assert_error(await command_client.post(f"{API}/leases", json=body), 409, "agent_retired")
    some = {**body, "agents": ["analyst", "reader"], "wait_seconds": 0}
    assert (await command_client.post(f"{API}/leases", json=some)).json()["data"] == []


async def test_a_worker_is_told_that_its_agent_is_retired_from_that_moment_on(
    command_client: httpx2.AsyncClient, application: FastAPI
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    body = {"agents": ["analyst"], "worker": "w"}
    # Known to be there since a moment ago, as to workers that ask again and again.
    assert (await command_client.post(f"{API}/leases", json=body)).json()["data"] == []
    registering = asyncio.create_task(is_waiting(application))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(command_client.post(f"{API}/leases", json={**body, "wait_seconds": 30}))
    await registering

    await command_client.post(f"{API}/agents/{agent_id}/retire")
    retired_at = monotonic_seconds()

    assert_error(await asyncio.wait_for(waiting, 10), 409, "agent_retired")
    assert monotonic_seconds() - retired_at < 2
    assert_error(await command_client.post(f"{API}/leases", json=body), 409, "agent_retired")


async def test_a_lease_that_was_granted_is_repeated_though_the_agent_is_retired_since(
    command_client: httpx2.AsyncClient,
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    await submit_task(command_client)
    body, key = {"agents": ["analyst"], "worker": "w"}, {"Idempotency-Key": '"again"'}
    first = await command_client.post(f"{API}/leases", json=body, headers=key)
    await command_client.post(f"{API}/agents/{agent_id}/retire")

    again = await command_client.post(f"{API}/leases", json={**body}, headers=key)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
