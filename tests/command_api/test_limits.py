"""What bounds a request: its time, its numbers, and that nothing is read for strangers."""

import asyncio
import contextlib

import pytest
from httpx2 import ASGITransport, AsyncClient, ConnectError
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bureau.embedded import find_free_port
from infrastructure.web.middleware import request_edge
from infrastructure.web.serving import serve
from infrastructure.web.time_limit import allow_seconds, time_limit
from tests.command_api.scenario import assert_error
from tests.polling import poll_until


def client_of(application: ASGIApp, *, seconds: float) -> AsyncClient:
    edged = request_edge(time_limit(application, seconds=seconds), max_body_bytes=1024)
    return AsyncClient(transport=ASGITransport(edged), base_url="http://test")


def without_lifespan(application: ASGIApp) -> ASGIApp:
    """Return an application that answers the server's start and stop too."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})

    return handle


async def answers(client: AsyncClient) -> bool:
    """Tell whether somebody answers, whatever it is."""
    try:
        await client.get("/")
    except ConnectError:
        return False
    return True


async def hang(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Hang, also when it is cancelled: as a driver does that waits for a server which is frozen."""
    never = asyncio.get_running_loop().create_future()
    try:
        await never
    except asyncio.CancelledError:
        await asyncio.wait({never}, timeout=5)


async def test_a_request_that_hangs_is_answered_503_though_its_cancellation_hangs_as_well() -> None:
    """Over a socket: what serves in the process itself waits until the request is over."""
    port, stop = find_free_port(), asyncio.Event()
    edged = request_edge(time_limit(hang, seconds=0.05), max_body_bytes=1024)
    serving = asyncio.create_task(serve(without_lifespan(edged), host="127.0.0.1", port=port, stop=stop))
    async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await poll_until(lambda: answers(client))
        async with asyncio.timeout(3):
            answer = await client.get("/")

    assert_error(answer, 503, "unavailable", is_retryable=True)
    assert answer.headers["Retry-After"] == "1"
    stop.set()
    await asyncio.wait_for(serving, 15)


async def test_what_a_request_says_after_it_was_answered_503_nobody_hears() -> None:
    async def answer_though_cancelled(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        await PlainTextResponse("too late")(scope, receive, send)

    async with client_of(answer_though_cancelled, seconds=0.05) as client:
        answer = await client.get("/")

    assert_error(answer, 503, "unavailable", is_retryable=True)


async def test_a_request_that_asked_to_wait_has_that_time_beside_its_limit() -> None:
    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        allow_seconds(Request(scope), 5)
        await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=0.2)
        await PlainTextResponse("done")(scope, receive, send)

    async with client_of(wait, seconds=0.05) as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.text) == (200, "done")


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{", {"content-type": "application/json"}),
        (b"{}", {"content-type": "text/plain"}),
    ],
)
async def test_a_stranger_is_told_so_before_the_body_is_looked_at(
    command_client: AsyncClient, content: bytes, headers: dict[str, str]
) -> None:
    answer = await command_client.post("/api/v1/tasks", content=content, headers={**headers, "Authorization": ""})

    assert_error(answer, 401, "unauthenticated")


async def test_a_body_that_is_encoded_is_refused(command_client: AsyncClient) -> None:
    answer = await command_client.post("/api/v1/agents", json={"name": "a"}, headers={"Content-Encoding": "gzip"})

    assert_error(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("field", "value"),
    [("priority", "5"), ("priority", True), ("priority", 5.5), ("metadata", {"n": 2**64})],
)
async def test_a_number_of_the_wrong_kind_is_refused_by_name(
    command_client: AsyncClient, field: str, value: object
) -> None:
    message = {"message_id": "m", "role": "user", "parts": [{"text": "hello"}]}

    answer = await command_client.post("/api/v1/tasks", json={"agent": "a", "message": message, field: value})

    error = assert_error(answer, 422, "invalid_request")
    assert [detail["path"].startswith(f"body.{field}") for detail in error["details"]] == [True]


async def test_the_largest_numbers_of_64_bits_are_kept(command_client: AsyncClient) -> None:
    await command_client.post("/api/v1/agents", json={"name": "counter"})
    numbers = {"least": -(2**63), "most": 2**64 - 1, "text": "123456789012345678901234567890"}
    message = {"message_id": "m", "role": "user", "parts": [{"data": numbers}]}
    await command_client.post("/api/v1/tasks", json={"agent": "counter", "message": message})

    lease = (await command_client.post("/api/v1/leases", json={"agents": ["counter"], "worker": "w"})).json()["data"][0]

    assert lease["messages"][0]["parts"][0]["data"] == numbers


@pytest.mark.parametrize("cost", ["1_000", "\uff11", " 1 ", True, "-1"])
async def test_an_amount_is_written_plainly(command_client: AsyncClient, cost: object) -> None:
    await command_client.post("/api/v1/agents", json={"name": "payer"})
    message = {"message_id": "m", "role": "user", "parts": [{"text": "hello"}]}
    await command_client.post("/api/v1/tasks", json={"agent": "payer", "message": message})
    lease = (await command_client.post("/api/v1/leases", json={"agents": ["payer"], "worker": "w"})).json()["data"][0]

    answer = await command_client.post(
        f"/api/v1/tasks/{lease['task_id']}/progress",
        json={"usage": {"cost": cost}},
        headers={"Lease-Token": lease["lease_token"]},
    )

    error = assert_error(answer, 422, "invalid_request")
    assert [detail["path"] for detail in error["details"]] == ["body.usage.cost"]
