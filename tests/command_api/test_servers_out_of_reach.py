"""Redis away: commands are carried out as ever. PostgreSQL away: an honest 503, and the same key works later, once."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from pydantic import SecretStr

from command_api.application import create_application
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import open_pool
from infrastructure.settings import Settings
from tests.command_api.scenario import (
    API,
    assert_error,
    bearer,
    lease_one,
    register_agent,
    replace_ports,
    send_json,
    submit_task,
    user_message,
    work_on,
)
from tests.polling import poll_until
from tests.private_servers import PrivatePostgres, PrivateValkey

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def running(settings: Settings, api_key: str) -> AsyncIterator[tuple[FastAPI, httpx2.AsyncClient]]:
    """Run a command API with these settings, and yield it with a client of it."""
    application = create_application(settings)
    async with (
        LifespanManager(application),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=application), base_url="http://bureau", headers=bearer(api_key)
        ) as client,
    ):
        yield application, client


async def readiness(client: httpx2.AsyncClient) -> tuple[int, dict[str, str]]:
    """Return the status of /ready, and the state of each dependency."""
    response = await client.get("/ready")
    dependencies = response.json()["dependencies"]
    return response.status_code, {name: dependency["state"] for name, dependency in dependencies.items()}


async def carry_a_task_through(client: httpx2.AsyncClient) -> None:
    """Take one task from its submission to its end."""
    task = await submit_task(client)
    lease = await lease_one(client)
    assert lease["task_id"] == task["task_id"]
    assert (await work_on(client, lease, "progress", {"fraction": 1})).status_code == 200
    assert (await work_on(client, lease, "complete")).json()["state"] == "completed"


async def test_without_redis_commands_are_carried_out(settings: Settings, api_key: str) -> None:
    alone = settings.model_copy(update={"redis_url": SecretStr(NOBODY_LISTENS)})
    async with running(alone, api_key) as (_, client):
        await register_agent(client)
        await carry_a_task_through(client)
        assert await readiness(client) == (200, {"postgresql": "up", "redis": "down"})


@pytest.mark.faults
async def test_redis_may_go_and_come_back(settings: Settings, api_key: str, private_valkey: PrivateValkey) -> None:
    fragile = settings.model_copy(update={"redis_url": SecretStr(private_valkey.redis_url)})
    async with running(fragile, api_key) as (_, client):
        await register_agent(client)
        assert await readiness(client) == (200, {"postgresql": "up", "redis": "up"})

        private_valkey.kill()
        await carry_a_task_through(client)
        assert await readiness(client) == (200, {"postgresql": "up", "redis": "down"})

        private_valkey.start()
        await carry_a_task_through(client)

        is_up: bool = await poll_until(lambda: _is_redis_up(client))
        assert is_up


@pytest.mark.faults
async def test_without_postgresql_a_command_is_told_to_come_again_and_is_then_carried_out_once(
    redis_url: str, private_postgres: PrivatePostgres
) -> None:
    api_key = new_api_key()
    pool = await open_pool(private_postgres.database_url, size=1, application_name="command test")
    await store_api_key(pool, api_key, workspace_id="default", name="test")
    await pool.close()
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(private_postgres.database_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr("a secret key of the tests, at least 32 characters"),
    )

    async with running(settings, api_key) as (application, client):
        replace_ports(application, pause=_no_pause)
        await register_agent(client)
        task = {"agent": "analyst", "message": user_message()}

        private_postgres.kill()
        for path, body in [("/tasks", task), ("/agents", {"name": "b"}), ("/leases", {"agents": ["a"], "worker": "w"})]:
            response = await send_json(client, path, body, **{"Idempotency-Key": '"k"'})
            assert_error(response, 503, "unavailable", is_retryable=True)
            assert int(response.headers["retry-after"]) > 0
        unknown = await client.post(f"{API}/agents", json={"name": "b"}, headers=bearer(new_api_key()))
        assert_error(unknown, 503, "unavailable", is_retryable=True)
        assert await readiness(client) == (503, {"postgresql": "down", "redis": "up"})
        assert (await client.get("/health")).status_code == 200

        private_postgres.start()
        answers = [await _send_until_answered(client, task) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.content for answer in answers}) == 1
    assert answers[2].headers["idempotent-replayed"] == "true"
    pool = await open_pool(private_postgres.database_url, size=1, application_name="command test")
    assert await pool.fetchval("SELECT count(*) FROM log.events WHERE event_type = 'task.submitted'") == 1
    await pool.close()


async def _no_pause(_number: int) -> None:
    """Try again at once."""


async def _is_redis_up(client: httpx2.AsyncClient) -> bool:
    return (await readiness(client))[1]["redis"] == "up"


async def _send_until_answered(client: httpx2.AsyncClient, task: Mapping[str, object]) -> httpx2.Response:
    """Send a task with the one key again and again, until the database is back."""
    answers: list[httpx2.Response] = []

    async def is_answered() -> bool:
        answers.append(await send_json(client, "/tasks", task, **{"Idempotency-Key": '"k"'}))
        return answers[-1].status_code != 503

    is_back: bool = await poll_until(is_answered)
    assert is_back
    return answers[-1]
