"""Serving an ASGI application from a loop that is already running, or as a process's whole work."""

import asyncio
import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infrastructure.identifiers import new_id
from infrastructure.web.errors import ApiError, error_response
from infrastructure.web.gathering import gathered

__all__ = ["serve"]

_MOST_HEAD_BYTES: Final = 65_536


class _Protocol(HttpToolsProtocol):
    """HTTP whose answers leave in one piece, and whose own refusals have the one shape of errors too.

    Heads are bounded: of whom one comes nobody knows yet.
    """

    is_in_head = True
    head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Gather what is written."""
        super().connection_made(gathered(transport))

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request."""
        self.refuse(ApiError(400, "bad_request", msg))

    def refuse(self, error: ApiError) -> None:
        """Answer what no application ever sees, and close."""
        request_id = str(new_id())
        answer = error_response(error, request_id)
        status = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode()
        headers = [*answer.raw_headers, (b"x-request-id", request_id.encode()), (b"connection", b"close")]
        lines = [status, *(b": ".join(header) for header in headers), b"", bytes(answer.body)]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    def on_message_begin(self) -> None:
        """Count anew."""
        self.is_in_head, self.head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Count no more: the body has a limit of its own."""
        self.is_in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what arrived; what began in a head and still is in it is all head, beside the piece that it began in."""
        was_in_head = self.is_in_head
        super().data_received(data)
        if was_in_head and self.is_in_head:
            self.head_bytes += len(data)
            if self.head_bytes > _MOST_HEAD_BYTES and not self.transport.is_closing():
                self.refuse(ApiError(431, "headers_too_large", "The request's line and headers are too large."))


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the entry point."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install nothing."""
        yield


async def serve(application: ASGIApp, *, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then let running requests finish (10 s at most).

    Every scope carries `stop` as `stopping`, so that a request which waits for something can end at once. Raises
    OSError where the port can't be had.
    """

    async def stoppable(scope: Scope, receive: Receive, send: Send) -> None:
        scope["stopping"] = stop
        await application(scope, receive, send)

    config = uvicorn.Config(
        stoppable,
        host=host,
        port=port,
        loop="none",
        http=_Protocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        backlog=2048,
    )
    server = _Server(config)

    async def watch() -> None:
        await stop.wait()
        server.should_exit = True

    watcher = asyncio.create_task(watch())
    try:
        await server.serve()
    except SystemExit as error:
        message = f"cannot listen on {host}:{port}, or the application did not start"
        raise OSError(message) from error
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
