"""Cancelling many tasks: by filter and by context, part by part, told by their own ids."""

from urllib.parse import unquote

import httpx2
import pytest
from fastapi import FastAPI

from contracts.streams import Token
from infrastructure.postgres import Pool
from infrastructure.write_store import StoreUnavailableError, Write
from tests.command_api.scenario import (
    API,
    assert_error,
    lease_one,
    nothing_written,
    register_agent,
    replace_ports,
    send_json,
    submit_task,
    work_on,
)
from tests.command_api.test_many_tasks import KEY, item, states


async def cancel(client: httpx2.AsyncClient, **chosen: object) -> httpx2.Response:
    return await send_json(client, "/tasks/cancel", chosen)


async def test_open_tasks_are_canceled_by_filter(command_client: httpx2.AsyncClient, store: Pool) -> None:
    for name in ("analyst", "reader"):
        await register_agent(command_client, name)
    working = await submit_task(command_client, context_id="c-1")
    lease = await lease_one(command_client)
    done = await submit_task(command_client, context_id="c-1")
    await work_on(command_client, await lease_one(command_client), "complete")
    waiting = await submit_task(command_client, context_id="c-1")
    other = await submit_task(command_client, "reader", context_id="c-1")
    elsewhere = await submit_task(command_client, context_id="c-2")

    async with nothing_written(store):
        assert_error(await cancel(command_client), 422, "empty_filter")
        assert_error(await cancel(command_client, reason="all"), 422, "empty_filter")
        assert_error(await cancel(command_client, agent="stranger"), 404, "agent_not_found")
        assert_error(await cancel(command_client, state="completed"), 422, "invalid_request", path="body.state")
        assert (await cancel(command_client, context_id="c-9")).json() == {"canceled": [], "consistency": None}

    narrow = await cancel(command_client, context_id="c-1", agent="analyst", state="submitted", reason="enough")
    assert narrow.json()["canceled"] == [waiting["task_id"]]
    wide = await command_client.post(f"{API}/contexts/c-1/cancel", json={"reason": "all"})

    assert sorted(wide.json()["canceled"]) == sorted([working["task_id"], other["task_id"]])
    assert wide.json()["consistency"] == wide.headers["bureau-consistency"]
    found = await states(store)
    assert (found[done["task_id"]], found[elsewhere["task_id"]]) == ("completed", "submitted")
    assert_error(await work_on(command_client, lease, "complete"), 409, "task_canceled")


async def test_a_canceled_tasks_approval_is_withdrawn_and_not_told_as_a_task(
    command_client: httpx2.AsyncClient,
) -> None:
    rule = {"operations": ["*"], "roles": ["finance"]}
    await register_agent(command_client, policy={"approvals": [rule]})
    task = await submit_task(command_client, context_id="c-1")
    await work_on(command_client, await lease_one(command_client), "approvals", {"operation": "pay", "arguments": {}})

    answer = await command_client.post(f"{API}/contexts/c-1/cancel", json={})

    assert answer.json()["canceled"] == [task["task_id"]]


@pytest.mark.parametrize("context", ["a/b", "a/cancel", "%2F", "a%3Fb", "cancel"])
async def test_a_context_is_canceled_whatever_it_is_called(command_client: httpx2.AsyncClient, context: str) -> None:
    await register_agent(command_client)
    task = await submit_task(command_client, context_id=unquote(context))

    answer = await command_client.post(f"{API}/contexts/{context}/cancel", json={})

    assert answer.json()["canceled"] == [task["task_id"]]


@pytest.mark.parametrize("context", ["%00", "a%00b", "%ff", "a%20b", "c" * 200])
async def test_what_no_context_is_called_is_not_found(
    command_client: httpx2.AsyncClient, store: Pool, context: str
) -> None:
    async with nothing_written(store):
        answer = await command_client.post(f"{API}/contexts/{context}/cancel", json={})
        assert_error(answer, 404, "context_not_found")


async def test_many_are_canceled_part_by_part_and_a_replay_cancels_nothing_that_came_later(
    command_client: httpx2.AsyncClient, store: Pool, application: FastAPI
) -> None:
    await register_agent(command_client)
    body = {"tasks": [item(context_id="c-1") for _ in range(250)]}
    await send_json(command_client, "/tasks/batch", body)
    save = application.state.services.commands.save
    writes = list[Write]()

    async def save_once(write: Write) -> Token:
        if writes:
            raise StoreUnavailableError
        writes.append(write)
        token: Token = await save(write)
        return token

    replace_ports(application, save=save_once)
    broken = await send_json(command_client, "/tasks/cancel", {"context_id": "c-1"}, **KEY)
    assert_error(broken, 503, "unavailable", is_retryable=True)
    replace_ports(application, save=save)
    assert list((await states(store)).values()).count("canceled") == 200

    answer = await send_json(command_client, "/tasks/cancel", {"context_id": "c-1"}, **KEY)
    later = (await submit_task(command_client, context_id="c-1"))["task_id"]
    async with nothing_written(store):
        again = await send_json(command_client, "/tasks/cancel", {"context_id": "c-1"}, **KEY)
        other = await send_json(command_client, "/tasks/cancel", {"context_id": "c-2"}, **KEY)

    assert len(set(answer.json()["canceled"])) == 250
    assert (again.content, again.headers["idempotent-replayed"]) == (answer.content, "true")
    assert_error(other, 422, "idempotency_key_reused")
    assert (await states(store))[later] == "submitted"
