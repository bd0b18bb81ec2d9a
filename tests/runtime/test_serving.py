"""What is no HTTP request at all is refused in the one shape of errors, and harms nobody."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Sequence

import pytest

from infrastructure.web.health import create_health_application
from infrastructure.web.metrics import Gauge
from infrastructure.web.serving import serve
from tests.polling import poll_until


async def _no_gauges() -> Sequence[Gauge]:
    return ()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Serve an application on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(create_health_application("test", {}, _no_gauges), host="127.0.0.1", port=number, stop=stop)
    )

    async def is_up() -> bool:
        try:
            return b"200 OK" in await talk(number, b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        except ConnectionRefusedError:
            return False

    await poll_until(is_up)
    yield number
    stop.set()
    await asyncio.wait_for(serving, 15)


async def talk(port: int, request: bytes) -> bytes:
    """Send bytes and return all that is answered until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /hea lth HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /health HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /health HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /health HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_in_the_shape_of_every_error(port: int, request_bytes: bytes) -> None:
    head, _, body = (await talk(port, request_bytes)).partition(b"\r\n\r\n")

    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert status == "HTTP/1.1 400 Bad Request"
    error = json.loads(body)["error"]
    assert (error["code"], error["retryable"]) == ("bad_request", False)
    assert error["request_id"] == headers["x-request-id"]
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")
    assert int(headers["content-length"]) == len(body)
    assert b"200 OK" in await talk(port, b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


BEGINNINGS = pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"GET /health HTTP/1.1\r\nX: ", b"a" * 6000),
        (b"GET /", b"a" * 6000),
        (b"GET /health HTTP/1.1\r\n", b"a: b\r\n" * 1000),
    ],
    ids=["a long header", "a long address", "many headers"],
)


@BEGINNINGS
async def test_a_head_of_a_byte_too_many_is_refused_in_the_shape_of_every_error(
    port: int, beginning: bytes, piece: bytes
) -> None:
    head, _, body = (await talk(port, (beginning + piece * 11)[:65_537])).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"]["code"] == "headers_too_large"


@BEGINNINGS
async def test_a_head_that_does_not_end_is_cut_off(port: int, beginning: bytes, piece: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(beginning)
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 100_000_000 and not reader.at_eof():
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
            await asyncio.sleep(0)
    assert sent < 10_000_000
    writer.close()


async def test_a_large_head_and_a_large_body_together_are_taken(port: int) -> None:
    padding = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(50))
    request = b"GET /health HTTP/1.1\r\nHost: a\r\n%sContent-Length: 500000\r\n\r\n%s"
    last = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    answers = await talk(port, request % (padding, b"b" * 500_000) * 3 + last)

    assert answers.count(b"HTTP/1.1 200 OK") == 4
