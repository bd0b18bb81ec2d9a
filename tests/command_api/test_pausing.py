"""A command that meets the pause of its agent may win or lose, and nothing is lost whichever it is."""

from collections.abc import Awaitable, Callable

import httpx2
from fastapi import FastAPI

from contracts.streams import Token
from infrastructure.postgres import Pool
from infrastructure.write_store import Write
from tests.command_api.scenario import (
    API,
    assert_error,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    replace_ports,
    submit_task,
    user_message,
    work_on,
)

LEASE = {"agents": ["analyst"], "worker": "w"}


def hold_next_save(application: FastAPI, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Let something happen between the decision on the next command and its save."""
    save = application.state.services.commands.save

    async def held(write: Write) -> Token:
        replace_ports(application, save=save)
        await meanwhile()
        token: Token = await save(write)
        return token

    replace_ports(application, save=held)


async def test_a_task_submitted_while_its_agent_is_being_paused_may_win_and_then_waits_for_the_agents_return(
    command_client: httpx2.AsyncClient, application: FastAPI
) -> None:
    path = f"{API}/agents/{(await register_agent(command_client))['agent_id']}"

    async def pause() -> None:
        assert (await command_client.post(f"{path}/pause")).status_code == 200

    hold_next_save(application, pause)
    task = await submit_task(command_client)

    assert (await command_client.post(f"{API}/leases", json=LEASE)).json()["data"] == []
    await command_client.post(f"{path}/resume")
    assert (await lease_one(command_client))["task_id"] == task["task_id"]


async def test_a_task_submitted_while_its_agent_is_being_paused_may_lose_and_is_then_refused(
    command_client: httpx2.AsyncClient, application: FastAPI, store: Pool
) -> None:
    path = f"{API}/agents/{(await register_agent(command_client))['agent_id']}"
    refused: list[httpx2.Response] = []

    async def submit() -> None:
        body = {"agent": "analyst", "message": user_message()}
        await command_client.post(f"{path}/pause")
        async with nothing_written(store):
            refused.append(await command_client.post(f"{API}/tasks", json=body))

    hold_next_save(application, submit)
    # The first pause is decided before the second and finds it done when it is saved: it is decided on again.
    assert (await command_client.post(f"{path}/pause")).json()["status"] == "paused"

    assert_error(refused[0], 409, "agent_paused")


async def test_a_lease_that_is_granted_while_its_agent_is_being_paused_is_an_attempt_that_goes_on(
    command_client: httpx2.AsyncClient, application: FastAPI, store: Pool
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    task = await submit_task(command_client)

    async def pause() -> None:
        assert (await command_client.post(f"{API}/agents/{agent_id}/pause")).status_code == 200

    hold_next_save(application, pause)
    lease = await lease_one(command_client)

    assert (await work_on(command_client, lease, "complete")).json()["state"] == "completed"
    assert [event["type"] for event in await read_events(store, task["task_id"])][-1] == "task.completed"
