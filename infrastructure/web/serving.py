"""Serving an ASGI application from a loop that is already running, or as a process's whole work."""

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["serve"]


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
