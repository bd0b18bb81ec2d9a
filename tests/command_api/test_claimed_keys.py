"""Commands that work in parts: another request under a used key changes nothing, and what was refused stays so."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from pydantic import SecretStr

from command_api.application import create_application
from contracts.streams import Token
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import Pool, open_pool
from infrastructure.settings import Settings
from infrastructure.write_store import Write
from tests.command_api.scenario import (
    API,
    assert_error,
    bearer,
    nothing_written,
    register_agent,
    replace_ports,
    send_json,
    submit_task,
)
from tests.command_api.test_many_tasks import KEY, item, states
from tests.private_servers import PrivatePostgres


def batch(count: int, text: str = "t") -> dict[str, Any]:
    return {"tasks": [item(metadata={"batch": text}) for _ in range(count)]}


@pytest.mark.parametrize("count", [1, 60])
async def test_a_batch_under_the_key_of_another_request_submits_nothing(
    command_client: httpx2.AsyncClient, store: Pool, count: int
) -> None:
    await register_agent(command_client)
    single = {"Idempotency-Key": '"single"'}
    await send_json(command_client, "/tasks", item(), **single)
    await send_json(command_client, "/tasks/batch", batch(count), **KEY)

    async with nothing_written(store):
        for headers in (KEY, single):
            other = await send_json(command_client, "/tasks/batch", batch(61 - count, "other"), **headers)
            assert_error(other, 422, "idempotency_key_reused")
        assert_error(await send_json(command_client, "/tasks", item(), **KEY), 422, "idempotency_key_reused")


async def test_of_different_batches_sent_at_once_under_one_key_one_is_submitted_and_whole(
    replicas: list[httpx2.AsyncClient], store: Pool
) -> None:
    await register_agent(replicas[0])
    # The small ones are of one shard or two, and mostly not of that with which the large one begins.
    bodies = [batch(1, "small"), batch(2, "two"), batch(60, "large")]

    async def send(key: int, number: int) -> httpx2.Response:
        # Each body twice: the same request may be sent again while the first is still under way.
        headers = {"Idempotency-Key": f'"k-{key}"'}
        return await send_json(replicas[number % 2], "/tasks/batch", bodies[number // 2], **headers)

    expected = set[str]()
    for key in range(5):
        answers = await asyncio.gather(*(send(key, number) for number in range(6)))
        (taken,) = {number // 2 for number, answer in enumerate(answers) if answer.status_code == 200}
        for number, answer in enumerate(answers):
            if number // 2 != taken:
                assert_error(answer, 422, "idempotency_key_reused")
        first, second = answers[2 * taken : 2 * taken + 2]
        assert first.content == second.content
        expected |= {entry["task"]["task_id"] for entry in first.json()["data"]}

    assert set(await states(store)) == expected


async def test_refused_items_of_a_batch_stay_refused_under_its_key(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    agent_id = (await register_agent(command_client))["agent_id"]
    await command_client.post(f"{API}/agents/{agent_id}/pause")
    first = await send_json(command_client, "/tasks/batch", batch(40), **KEY)
    await command_client.post(f"{API}/agents/{agent_id}/resume")

    async with nothing_written(store):
        again = await send_json(command_client, "/tasks/batch", batch(40), **KEY)
        other = await send_json(command_client, "/tasks/batch", batch(41), **KEY)

    assert {entry["error"]["code"] for entry in first.json()["data"]} == {"agent_paused"}
    assert (first.json()["consistency"], first.headers.get("idempotent-replayed")) == (None, None)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert "bureau-consistency" not in again.headers
    assert_error(other, 422, "idempotency_key_reused")
    assert (await send_json(command_client, "/tasks/batch", batch(40))).json()["consistency"]


async def test_where_nothing_fitted_what_came_later_is_not_canceled_under_the_same_key(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    await submit_task(command_client, context_id="c-1")
    chosen = {"context_id": "c-1", "state": "working"}
    first = await send_json(command_client, "/tasks/cancel", chosen, **KEY)
    await command_client.post(f"{API}/leases", json={"agents": ["analyst"], "worker": "w"})

    async with nothing_written(store):
        again = await send_json(command_client, "/tasks/cancel", chosen, **KEY)
        other = await send_json(command_client, "/tasks/cancel", {"context_id": "c-1"}, **KEY)

    assert first.json() == {"canceled": [], "consistency": None}
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert_error(other, 422, "idempotency_key_reused")


async def test_a_resumption_under_the_key_of_a_batch_changes_nothing_and_one_that_is_refused_takes_no_key(
    command_client: httpx2.AsyncClient, store: Pool
) -> None:
    await register_agent(command_client)
    spent = {"scope": "workspace", "amount": "5", "spent": "5"}
    budget = (await command_client.post(f"{API}/budgets", json=spent)).json()
    path = f"/budgets/{budget['budget_id']}"
    async with nothing_written(store):
        refused = await send_json(command_client, f"{path}/resume", {}, **KEY)
    await send_json(command_client, path, {"amount": "6"}, "PATCH")
    await send_json(command_client, "/tasks/batch", batch(30), **KEY)

    assert_error(refused, 409, "budget_exhausted")
    assert len(await states(store)) == 30
    async with nothing_written(store):
        other = await send_json(command_client, f"{path}/resume", {}, **KEY)
        assert_error(other, 422, "idempotency_key_reused")


@pytest.fixture
async def killable(
    private_postgres: PrivatePostgres, settings: Settings
) -> AsyncIterator[tuple[FastAPI, httpx2.AsyncClient, Pool]]:
    """Yield an application on a PostgreSQL that the test may kill, a client of it and a pool."""
    own = settings.model_copy(update={"database_url": SecretStr(private_postgres.database_url)})
    pool = await open_pool(private_postgres.database_url, size=2, application_name="command test")
    key = new_api_key()
    await store_api_key(pool, key, workspace_id="default", name="test")
    application = create_application(own)
    async with LifespanManager(application, startup_timeout=10, shutdown_timeout=10):
        transport = httpx2.ASGITransport(app=application)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bureau", headers=bearer(key)) as client:
            yield application, client, pool
    pool.terminate()


@pytest.mark.faults
async def test_a_batch_cut_off_by_a_killed_postgres_keeps_its_key_and_is_finished_once(
    private_postgres: PrivatePostgres, killable: tuple[FastAPI, httpx2.AsyncClient, Pool]
) -> None:
    application, client, pool = killable
    await register_agent(client)
    save = application.state.services.commands.save
    saved = 0

    async def save_and_kill(write: Write) -> Token:
        nonlocal saved
        token: Token = await save(write)
        saved += 1
        if saved == 1:
            await asyncio.to_thread(private_postgres.kill)
        return token

    replace_ports(application, save=save_and_kill)
    broken = await send_json(client, "/tasks/batch", batch(60), **KEY)
    await asyncio.to_thread(private_postgres.start)

    assert_error(broken, 503, "unavailable", is_retryable=True)
    assert 0 < len(await states(pool)) < 60
    async with nothing_written(pool):
        other = await send_json(client, "/tasks/batch", batch(1, "other"), **KEY)
        assert_error(other, 422, "idempotency_key_reused")
    answer = await send_json(client, "/tasks/batch", batch(60), **KEY)
    assert {entry["task"]["task_id"] for entry in answer.json()["data"]} == set(await states(pool))
    assert len(await states(pool)) == 60
    assert await pool.fetchval("SELECT count(*) FROM log.events WHERE event_type = 'task.submitted'") == 60
