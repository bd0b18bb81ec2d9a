"""A lease by name is of the agent that has the name now, whoever had it a moment ago."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import httpx2
from fastapi import FastAPI

from command_api.services.assign_work import Candidate, Demand
from tests.command_api.scenario import (
    API,
    assert_error,
    register_agent,
    replace_services,
    submit_task,
)
from tests.command_api.test_waiting import is_waiting


async def ask(client: httpx2.AsyncClient, wait_seconds: int = 0) -> httpx2.Response:
    body = {"agents": ["analyst"], "worker": "w", "wait_seconds": wait_seconds, "max_tasks": 9}
    return await client.post(f"{API}/leases", json=body)


async def rename(client: httpx2.AsyncClient, agent: dict[str, Any]) -> None:
    answer = await client.patch(f"{API}/agents/{agent['agent_id']}", json={"name": "veteran"})
    assert answer.is_success, answer.text


async def replace_agent(client: httpx2.AsyncClient, old: dict[str, Any]) -> str:
    """Give the agent's name to another one; each has a task. Return the id of the new one's."""
    await rename(client, old)
    await register_agent(client)
    await submit_task(client, "veteran")
    return str((await submit_task(client))["task_id"])


async def test_the_agent_that_has_the_name_now_gives_its_work_out(command_client: httpx2.AsyncClient) -> None:
    old = await register_agent(command_client)
    assert (await ask(command_client)).json()["data"] == []

    task_id = await replace_agent(command_client, old)

    leases = [(await ask(command_client)).json()["data"] for _ in range(2)]
    assert [[lease["task_id"] for lease in found] for found in leases] == [[task_id], []]


async def test_who_waits_is_told_when_nobody_has_the_name_any_more(
    command_client: httpx2.AsyncClient, application: FastAPI
) -> None:
    old = await register_agent(command_client)
    registering = asyncio.create_task(is_waiting(application))
    await asyncio.sleep(0)
    worker = asyncio.create_task(ask(command_client, wait_seconds=30))
    await registering

    await rename(command_client, old)
    answer = await worker

    assert_error(answer, 404, "agent_not_found")


async def test_a_name_that_was_lost_after_the_look_is_noticed_before_the_lease(
    command_client: httpx2.AsyncClient, application: FastAPI
) -> None:
    old = await register_agent(command_client)
    old_task = (await submit_task(command_client))["task_id"]
    dispatcher, dealt, task_ids = application.state.services.dispatcher, list[Candidate](), list[str]()

    async def request(demand: Demand, seconds: float, over: Callable[[], Coroutine[Any, Any, None]]) -> list[Candidate]:
        found: list[Candidate] = await dispatcher.request(demand, seconds, over)
        if not dealt:
            dealt.extend(found)
            task_ids.append(await replace_agent(command_client, old))
        return found

    replace_services(application, dispatcher=replace(dispatcher, request=request))

    leases = (await ask(command_client)).json()["data"]

    assert [str(candidate.task_id) for candidate in dealt] == [old_task]
    assert [lease["task_id"] for lease in leases] == task_ids
