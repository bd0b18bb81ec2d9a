"""Two hundred workers who wait at once: the database hears no more of them than of one."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from command_api.services.assign_work import Candidate, Demand
from infrastructure.cluster_identity import tell_changed_cluster
from infrastructure.postgres import Connection
from tests.command_api.scenario import API, register_agent, replace_services, send_json, user_message
from tests.polling import let_pass, poll_until

WORKERS = 200
SECONDS = 2.0


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of all that the application, opened after this, sends to PostgreSQL."""
    sent = list[str]()

    async def listen(connection: Connection) -> None:
        connection.add_query_logger(lambda logged: sent.append(logged.query))
        await tell_changed_cluster(connection)

    monkeypatch.setattr("command_api.application.tell_changed_cluster", listen)
    return sent


async def test_two_hundred_workers_who_wait_ask_the_database_as_often_as_one(
    statements: list[str], command_client: httpx2.AsyncClient, application: FastAPI
) -> None:
    await register_agent(command_client)
    dispatcher, registered = application.state.services.dispatcher, list[Demand]()

    async def request(demand: Demand, seconds: float, over: Callable[[], Coroutine[Any, Any, None]]) -> list[Candidate]:
        registered.append(demand)
        candidates: list[Candidate] = await dispatcher.request(demand, seconds, over)
        return candidates

    replace_services(application, dispatcher=replace(dispatcher, request=request))
    body = {"agents": ["analyst"], "wait_seconds": 30}
    waiting = [
        asyncio.create_task(command_client.post(f"{API}/leases", json={**body, "worker": f"worker-{number}"}))
        for number in range(WORKERS)
    ]
    await poll_until(lambda: len(registered) == WORKERS)
    await let_pass(0.5)
    statements.clear()
    await let_pass(SECONDS)
    asked = len(statements)

    # The dispatcher and the scheduler look four times a second each; workers who poll would ask 200 times as often.
    assert 0 < asked < 30, statements
    assert not any(worker.done() for worker in waiting)
    task = {"agent": "analyst", "message": user_message()}
    assert (await send_json(command_client, "/tasks/batch", {"tasks": [task] * WORKERS})).status_code == 200
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert len({lease["task_id"] for answer in answers for lease in answer.json()["data"]}) == WORKERS
