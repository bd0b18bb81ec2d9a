"""The whole line for the client's tests: both APIs, relay and projectors on real servers, in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
from pydantic import SecretStr

from bureau.embedded import find_free_port
from client import BureauClient, TransportError
from command_api.application import create_application as create_command_application
from infrastructure.api_keys import new_api_key, store_api_key
from infrastructure.postgres import open_pool
from infrastructure.settings import Settings
from infrastructure.web.serving import serve
from outbox_relay.main import run as run_relay
from projectors.main import run as run_projectors
from query_api.application import create_application as create_query_application
from tests.client.service import Service
from tests.polling import poll_until


@pytest.fixture
async def service(database_url: str, redis_url: str) -> AsyncIterator[Service]:
    api_key, stop = new_api_key(), asyncio.Event()
    pool = await open_pool(database_url, size=1, application_name="client test")
    await store_api_key(pool, api_key, workspace_id="default", name="test")
    await pool.close()
    ports = [find_free_port() for _ in range(4)]
    settings = [_settings(database_url, redis_url, port) for port in ports]
    async with asyncio.TaskGroup() as group:
        for application, port in (
            (create_command_application(settings[0]), ports[0]),
            (create_query_application(settings[1]), ports[1]),
        ):
            group.create_task(serve(application, host="127.0.0.1", port=port, stop=stop))
        group.create_task(run_relay(settings[2], stop))
        group.create_task(run_projectors(settings[3], stop))
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        async with BureauClient(urls[0], api_key, urls[1], read_wait_seconds=15) as client:
            is_answering: Callable[[], bool | Awaitable[bool]] = partial(_answers, client)
            await poll_until(is_answering, what="the service to answer")
            yield Service(client, urls[0], urls[1], api_key, database_url)
        stop.set()


@pytest.fixture
def bureau(service: Service) -> BureauClient:
    return service.client


def _settings(database_url: str, redis_url: str, port: int) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr("a secret key of the tests, at least 32 characters"),
        port=port,
    )


async def _answers(client: BureauClient) -> bool:
    try:
        await client.list_agents()
    except TransportError:
        return False
    return True
