"""A whole service that runs in a test's loop, and what tests do with it again and again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple
from uuid import UUID

from pydantic import SecretStr
from starlette.types import ASGIApp

from bureau.embedded import find_free_port
from bureau.local.combined import create_combined_application
from client import BureauClient, Handler, TransportError, Worker
from command_api.application import create_application as create_command_application
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import open_pool
from infrastructure.settings import Settings
from infrastructure.web.serving import serve
from outbox_relay.main import run as run_relay
from projectors.main import run as run_projectors
from query_api.application import create_application as create_query_application
from tests.polling import poll_until

__all__ = ["Service", "open_person", "open_service", "store_key", "wait_for_event", "working"]

type Create = Callable[[Settings], ASGIApp]
_ON_TWO_PORTS: tuple[Create, ...] = (create_command_application, create_query_application)


class Service(NamedTuple):
    """A whole service that runs in this test's loop, and a client of it."""

    client: BureauClient
    command_url: str
    query_url: str
    api_key: str
    database_url: str


@asynccontextmanager
async def open_service(database_url: str, redis_url: str, *, is_on_one_port: bool = False) -> AsyncIterator[Service]:
    """Yield a service on real servers: the APIs, relay and projectors, once it answers."""
    creators = (create_combined_application,) if is_on_one_port else _ON_TWO_PORTS
    api_key = await store_key(database_url, "test")
    stop = asyncio.Event()
    settings = [_settings(database_url, redis_url) for _ in range(len(creators) + 2)]
    *fronts, behind, last = settings
    async with asyncio.TaskGroup() as group:
        for create, each in zip(creators, fronts, strict=True):
            group.create_task(serve(create(each), host="127.0.0.1", port=each.port, stop=stop))
        group.create_task(run_relay(behind, stop))
        group.create_task(run_projectors(last, stop))
        command_url, query_url = (f"http://127.0.0.1:{fronts[index].port}" for index in (0, -1))
        async with BureauClient(command_url, api_key, query_url, read_wait_seconds=15) as client:
            is_answering: Callable[[], bool | Awaitable[bool]] = partial(_answers, client)
            await poll_until(is_answering, what="the service to answer")
            yield Service(client, command_url, query_url, api_key, database_url)
        stop.set()


async def store_key(database_url: str, name: str, roles: Sequence[str] = ()) -> str:
    """Return a new key of somebody."""
    api_key = new_api_key()
    pool = await open_pool(database_url, size=1, application_name="client test")
    await store_api_key(pool, api_key, workspace_id="default", name=name, roles=roles)
    await pool.close()
    return api_key


def _settings(database_url: str, redis_url: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr("a secret key of the tests, at least 32 characters"),
        port=find_free_port(),
    )


async def _answers(client: BureauClient) -> bool:
    try:
        await client.list_agents()
    except TransportError:
        return False
    return True


@asynccontextmanager
async def open_person(service: Service, name: str, *roles: str) -> AsyncIterator[BureauClient]:
    """Yield the client of somebody with a key of their own."""
    api_key = await store_key(service.database_url, name, roles)
    async with BureauClient(service.command_url, api_key, service.query_url) as client:
        yield client


@asynccontextmanager
async def working(client: BureauClient, handler: Handler, *, lease_seconds: int = 5) -> AsyncIterator[None]:
    """Let a worker do the tasks of the agent `a`."""
    stop = asyncio.Event()
    worker = Worker(client, ["a"], lease_seconds=lease_seconds, drain_seconds=1)
    worker.handler(handler)
    running = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 15)


async def wait_for_event(client: BureauClient, task_id: UUID, event: str, number: int = 1) -> dict[str, object]:
    """Return the data of a task's event, the n-th of its type, once it is there."""
    found = 0
    async with asyncio.timeout(20):
        async for entry in client.follow(task_id):
            found += entry.type == event
            if found == number:
                return dict(entry.data)
    raise AssertionError(f"the task ended without {event}")
