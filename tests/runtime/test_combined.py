"""Commands and queries on one port: what the whole says of itself when a part of it hangs."""

import asyncio

from asgi_lifespan import LifespanManager
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from bureau.local.combined import create_combined_application
from infrastructure.settings import Settings


async def accept_and_say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def test_a_redis_that_hangs_is_told_and_does_not_make_the_service_unready(database_url: str) -> None:
    async with await asyncio.start_server(accept_and_say_nothing, "127.0.0.1", 0) as hanging:
        port = hanging.sockets[0].getsockname()[1]
        settings = Settings(
            database_url=SecretStr(database_url),
            redis_url=SecretStr(f"redis://127.0.0.1:{port}/0"),
            secret_key=SecretStr("a secret key of the tests, at least 32 characters"),
        )
        application = create_combined_application(settings)
        async with (
            LifespanManager(application),
            AsyncClient(transport=ASGITransport(application), base_url="http://test", timeout=10) as client,
        ):
            answer = await client.get("/ready")

    states = {name: dependency["state"] for name, dependency in answer.json()["dependencies"].items()}
    assert (answer.status_code, states) == (200, {"postgresql": "up", "redis": "down"})


async def test_a_context_with_slashes_in_its_id_is_found_by_those_who_read_and_by_those_who_command(
    database_url: str, redis_url: str
) -> None:
    settings = Settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        secret_key=SecretStr("a secret key of the tests, at least 32 characters"),
    )
    application = create_combined_application(settings)
    async with (
        LifespanManager(application),
        AsyncClient(transport=ASGITransport(application), base_url="http://test", timeout=10) as client,
    ):
        # 405 is told before anybody is asked for a key: whoever is asked for one has come to the right place.
        for method, path in (("GET", "a%2Fb"), ("GET", "a%2Fcancel"), ("POST", "a%2Fb/cancel"), ("POST", "a/cancel")):
            assert (await client.request(method, f"/api/v1/contexts/{path}")).status_code == 401, (method, path)
        assert (await client.post("/api/v1/contexts/a")).status_code == 405
