"""Waiting for work: woken at once, never longer than asked, and never for a client or a process that is gone."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from command_api.application import create_application
from command_api.services import lease_dispatcher
from command_api.services.assign_work import Candidate, Demand
from contracts.streams import READY_CHANNEL
from infrastructure.clock import monotonic_seconds
from infrastructure.postgres import Pool
from infrastructure.redis_client import open_redis
from infrastructure.settings import Settings
from tests.command_api.scenario import (
    API,
    bearer,
    lease_one,
    nothing_written,
    read_events,
    register_agent,
    replace_services,
    submit_task,
)
from tests.polling import poll_until

type Over = Callable[[], Coroutine[Any, Any, None]]


async def ask(client: httpx2.AsyncClient, wait_seconds: int) -> httpx2.Response:
    return await client.post(
        f"{API}/leases", json={"agents": ["analyst"], "worker": "worker-1", "wait_seconds": wait_seconds}
    )


def client_of(application: ASGIApp, api_key: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=application), base_url="http://bureau", headers=bearer(api_key)
    )


async def is_waiting(application: FastAPI) -> None:
    """Return once a call has registered with the dispatcher of the application."""
    dispatcher, registered = application.state.services.dispatcher, asyncio.Event()

    async def request(demand: Demand, seconds: float, over: Over) -> list[Candidate]:
        registered.set()
        candidates: list[Candidate] = await dispatcher.request(demand, seconds, over)
        return candidates

    replace_services(application, dispatcher=replace(dispatcher, request=request))
    await asyncio.wait_for(registered.wait(), 10)


@pytest.fixture
def looked_in_vain(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return what is set once a look has found nothing for somebody who waits; only a notice brings on another."""
    look, in_vain = lease_dispatcher._look, asyncio.Event()  # noqa: SLF001 - to know when it has come to its end

    async def look_and_tell(desk: lease_dispatcher._Desk, find: lease_dispatcher.FindWork) -> None:
        await look(desk, find)
        if any(not waiter.answer.done() for waiter in desk.waiters):
            in_vain.set()

    monkeypatch.setattr(lease_dispatcher, "_look", look_and_tell)
    monkeypatch.setattr(lease_dispatcher, "_LOOK_AGAIN_SECONDS", 600)
    return in_vain


async def test_a_worker_that_waits_is_woken_by_a_submitted_task(
    looked_in_vain: asyncio.Event, command_client: httpx2.AsyncClient
) -> None:
    await register_agent(command_client)
    worker = asyncio.create_task(ask(command_client, 30))
    await asyncio.wait_for(looked_in_vain.wait(), 10)

    task = await submit_task(command_client)

    (lease,) = (await asyncio.wait_for(worker, 10)).json()["data"]
    assert lease["task_id"] == task["task_id"]


async def test_a_worker_is_woken_by_another_process_through_redis(
    looked_in_vain: asyncio.Event,
    command_client: httpx2.AsyncClient,
    settings: Settings,
    api_key: str,
    redis_url: str,
) -> None:
    await register_agent(command_client)
    other = create_application(settings)
    async with (
        open_redis(redis_url) as redis,
        LifespanManager(other),
        client_of(other, api_key) as elsewhere,
    ):

        async def are_listening() -> bool:
            return (await redis.pubsub_numsub(READY_CHANNEL))[0][1] == 2

        await poll_until(are_listening, what="both processes hear notices")
        worker = asyncio.create_task(ask(command_client, 30))
        await asyncio.wait_for(looked_in_vain.wait(), 10)

        task = await submit_task(elsewhere)

        (lease,) = (await asyncio.wait_for(worker, 10)).json()["data"]
    assert lease["task_id"] == task["task_id"]


async def test_a_worker_waits_no_longer_than_it_asked_to(command_client: httpx2.AsyncClient, store: Pool) -> None:
    await register_agent(command_client)
    started = monotonic_seconds()

    async with nothing_written(store):
        response = await ask(command_client, 1)

    assert (response.status_code, response.json()["data"]) == (200, [])
    assert 1 <= monotonic_seconds() - started < 5


async def test_a_worker_that_waits_is_answered_when_the_process_stops(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str, store: Pool
) -> None:
    await register_agent(command_client)
    stopping = asyncio.Event()

    async def draining(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "stopping": stopping}, receive, send)

    async with client_of(draining, api_key) as client, nothing_written(store):
        registering = asyncio.create_task(is_waiting(application))
        await asyncio.sleep(0)
        worker = asyncio.create_task(ask(client, 30))
        await registering
        stopping.set()
        response = await asyncio.wait_for(worker, 10)

    assert (response.status_code, response.json()["data"]) == (200, [])


async def test_a_worker_that_hung_up_is_given_nothing_and_the_task_goes_to_the_next(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str, store: Pool
) -> None:
    await register_agent(command_client)
    hung_up = asyncio.Event()

    async def hanging_up(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_or_hang_up() -> Message:
            return {"type": "http.disconnect"} if hung_up.is_set() else await receive()

        await application(scope, receive_or_hang_up, send)

    async with client_of(hanging_up, api_key) as client:
        registering = asyncio.create_task(is_waiting(application))
        await asyncio.sleep(0)
        worker = asyncio.create_task(ask(client, 30))
        await registering
        hung_up.set()
        task = await submit_task(command_client)
        assert (await asyncio.wait_for(worker, 10)).json()["data"] == []

    assert [event["type"] for event in await read_events(store, task["task_id"])] == ["task.submitted"]
    assert (await lease_one(command_client))["task_id"] == task["task_id"]


async def test_a_worker_that_hangs_up_waits_no_longer_although_nothing_comes(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str
) -> None:
    await register_agent(command_client)
    hung_up = asyncio.Event()

    async def hanging_up(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_then_hang_up() -> Message:
            if is_read.is_set():
                await hung_up.wait()
                return {"type": "http.disconnect"}
            message = await receive()
            if not message["more_body"]:
                is_read.set()
            return message

        is_read = asyncio.Event()
        await application(scope, receive_then_hang_up, send)

    async with client_of(hanging_up, api_key) as client:
        registering = asyncio.create_task(is_waiting(application))
        await asyncio.sleep(0)
        worker = asyncio.create_task(ask(client, 30))
        await registering
        hung_up.set()
        assert (await asyncio.wait_for(worker, 10)).json()["data"] == []


async def test_a_client_that_hangs_up_before_its_body_is_here_is_no_error(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str, store: Pool
) -> None:
    await register_agent(command_client)
    told = list[Message]()
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{API}/agents",
        "query_string": b"",
        "headers": [
            (b"authorization", f"Bearer {api_key}".encode()),
            (b"content-type", b"application/json"),
            (b"content-length", b"20"),
        ],
    }
    messages: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b'{"name": "a"', "more_body": True},
    ]

    async def receive() -> Message:
        return messages.pop()

    async def send(message: Message) -> None:
        told.append(message)

    async with nothing_written(store):
        await application(scope, receive, send)

    assert told == []
