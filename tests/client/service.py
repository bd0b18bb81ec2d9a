"""A whole service that runs in a test's loop, and what tests do with it again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from client import BureauClient, Handler, Worker
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import open_pool

__all__ = ["Service", "open_person", "wait_for_event", "working"]


class Service(NamedTuple):
    """A whole service that runs in this test's loop, and a client of it."""

    client: BureauClient
    command_url: str
    query_url: str
    api_key: str
    database_url: str


@asynccontextmanager
async def open_person(service: Service, name: str, *roles: str) -> AsyncIterator[BureauClient]:
    """Yield the client of somebody with a key of their own."""
    api_key = new_api_key()
    pool = await open_pool(service.database_url, size=1, application_name="client test")
    await store_api_key(pool, api_key, workspace_id="default", name=name, roles=roles)
    await pool.close()
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
