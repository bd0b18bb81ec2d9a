"""Waiting for work: woken at once, never longer than asked, and never for a client or a process that is gone."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.postgres import Pool
from infrastructure.ready_notices import open_ready_notices
from tests.command_api.scenario import (
    API,
    bearer,
    nothing_written,
    register_agent,
    replace_services,
    submit_task,
)


async def ask(client: httpx2.AsyncClient, wait_seconds: int) -> httpx2.Response:
    return await client.post(
        f"{API}/leases", json={"agents": ["analyst"], "worker": "worker-1", "wait_seconds": wait_seconds}
    )


def client_of(application: ASGIApp, api_key: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=application), base_url="http://bureau", headers=bearer(api_key)
    )


async def test_a_worker_that_waits_is_woken_by_a_submitted_task(
    command_client: httpx2.AsyncClient, application: FastAPI
) -> None:
    await register_agent(command_client)
    is_waiting, is_announced = asyncio.Event(), asyncio.Event()

    async def wait_for_work(_seconds: float) -> None:
        is_waiting.set()
        await is_announced.wait()

    replace_services(application, wait_for_work=wait_for_work, announce_work=is_announced.set)
    worker = asyncio.create_task(ask(command_client, 30))
    await asyncio.wait_for(is_waiting.wait(), 10)

    task = await submit_task(command_client)

    (lease,) = (await asyncio.wait_for(worker, 10)).json()["data"]
    assert lease["task_id"] == task["task_id"]


async def test_a_worker_waits_no_longer_than_it_asked_to(
    command_client: httpx2.AsyncClient, application: FastAPI, store: Pool
) -> None:
    await register_agent(command_client)
    clock, waits = [0.0], list[float]()

    async def wait_for_work(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += 0.25

    replace_services(application, wait_for_work=wait_for_work, monotonic=lambda: clock[0])
    async with nothing_written(store):
        response = await ask(command_client, 1)

    assert (response.status_code, response.json()["data"]) == (200, [])
    assert waits == [1.0, 0.75, 0.5, 0.25]


async def test_a_worker_that_waits_is_answered_when_the_process_stops(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str, store: Pool
) -> None:
    await register_agent(command_client)
    stopping, waits = asyncio.Event(), list[float]()

    async def wait_for_work(seconds: float) -> None:
        waits.append(seconds)
        stopping.set()

    async def draining(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "stopping": stopping}, receive, send)

    replace_services(application, wait_for_work=wait_for_work)
    async with client_of(draining, api_key) as client, nothing_written(store):
        response = await ask(client, 30)

    assert (response.status_code, response.json()["data"]) == (200, [])
    assert len(waits) == 1


async def test_a_worker_that_hung_up_is_given_nothing(
    command_client: httpx2.AsyncClient, application: FastAPI, api_key: str, store: Pool
) -> None:
    await register_agent(command_client)
    await command_client.post(f"{API}/agents", json={"name": "other"})

    async def wait_for_work(_seconds: float) -> None:
        await submit_task(command_client)

    async def hanging_up(scope: Scope, receive: Receive, send: Send) -> None:
        has_more = True

        async def receive_once() -> Message:
            nonlocal has_more
            message: Message = await receive() if has_more else {"type": "http.disconnect"}
            has_more = has_more and bool(message.get("more_body"))
            return message

        await application(scope, receive_once, send)

    replace_services(application, wait_for_work=wait_for_work)
    async with client_of(hanging_up, api_key) as client:
        assert (await ask(client, 30)).json()["data"] == []

    assert await store.fetchval("SELECT array_agg(event_type ORDER BY recorded_at) FROM log.events") == [
        "agent.registered",
        "agent.registered",
        "task.submitted",
    ]


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


async def test_a_notice_wakes_everybody_who_waits_and_leaves_nobody_behind() -> None:
    notices = open_ready_notices()
    waiting = [asyncio.create_task(_returned(notices.wait)) for _ in range(3)]
    await asyncio.sleep(0)

    notices.announce()
    notices.announce()

    assert await asyncio.wait_for(asyncio.gather(*waiting), 10) == [True, True, True]


async def _returned(wait: Callable[[float], Awaitable[None]]) -> bool:
    await wait(30)
    return True
