"""Commands, relay, projectors and queries in one loop: what a command did is what the next query answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgi_lifespan import LifespanManager
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from command_api.application import create_application as create_command_application
from contracts.a2a import TaskState
from contracts.views import AgentDetail, AgentSummary, TaskSummary, TaskTimelineEntry
from infrastructure.settings import Settings
from outbox_relay.main import run as run_relay
from projectors.main import run as run_projectors
from query_api.pages import Page, TaskWithContent
from tests.query.conftest import open_world
from tests.query.world import World

STRICT = "wait=30, handling=strict"


@contextlib.asynccontextmanager
async def _line(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(run_relay(settings, stop))
        group.create_task(run_projectors(settings, stop))
        try:
            yield
        finally:
            stop.set()


@pytest.mark.slow
async def test_every_query_with_a_command_s_token_shows_what_the_command_did(database_url: str, redis_url: str) -> None:
    settings = Settings(
        database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), secret_key=SecretStr("s" * 32), port=0
    )
    async with (
        open_world(database_url, redis_url) as world,
        _line(settings),
        LifespanManager(create_command_application(settings)) as manager,
        AsyncClient(
            transport=ASGITransport(manager.app), base_url="http://bureau/api/v1", headers=world.client.headers
        ) as commands,
    ):
        await _follow(world, commands)


async def _read(world: World, path: str, token: str) -> bytes:
    answer = await world.get(path, headers={"Bureau-Consistency": token, "Prefer": STRICT})
    assert answer.status_code == 200, answer.text
    return answer.content


async def _command(commands: AsyncClient, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await commands.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


async def _follow(world: World, commands: AsyncClient) -> None:
    agent = await _command(commands, "/agents", {"name": "worker"})
    assert (
        AgentDetail.model_validate_json(await _read(world, f"/agents/{agent['agent_id']}", agent["consistency"])).name
        == "worker"
    )
    agents = Page[AgentSummary].model_validate_json(await _read(world, "/agents", agent["consistency"]))
    assert [row.name for row in agents.data] == ["worker"]

    message = {"message_id": "m1", "role": "user", "parts": [{"text": "Do it."}]}
    for number in range(20):
        task = await _command(commands, "/tasks", {"agent": "worker", "message": message})
        path = f"/tasks/{task['task_id']}"
        tasks = Page[TaskSummary].model_validate_json(await _read(world, "/tasks", task["consistency"]))
        assert (str(tasks.data[0].task_id), len(tasks.data)) == (task["task_id"], min(number + 1, 20))
        whole = TaskWithContent.model_validate_json(await _read(world, path, task["consistency"]))
        assert (whole.status.state, whole.messages[0].parts[0].text) == (TaskState.SUBMITTED, "Do it.")
        canceled = await _command(commands, f"{path}/cancel", {})
        whole = TaskWithContent.model_validate_json(await _read(world, path, canceled["consistency"]))
        assert (whole.status.state, whole.generation) == (TaskState.CANCELED, canceled["generation"])
        timeline = Page[TaskTimelineEntry].model_validate_json(
            await _read(world, f"{path}/timeline", canceled["consistency"])
        )
        assert [entry.generation for entry in timeline.data] == list(range(1, canceled["generation"] + 1))
