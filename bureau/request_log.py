"""One line a request, for people who look closely: at the level `debug` only, so that a busy service pays nothing."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.clock import monotonic_seconds

__all__ = ["with_request_log"]


def with_request_log(application: ASGIApp) -> ASGIApp:
    """Wrap an application so that each answer is logged: method, path, status, and milliseconds until it was sent."""
    log = structlog.get_logger(__name__)

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        started = monotonic_seconds()
        statuses: list[int] = []

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        await application(scope, receive, noting)
        milliseconds = round((monotonic_seconds() - started) * 1000, 2)
        where = {"method": scope["method"], "path": scope["path"], "duration_ms": milliseconds}
        log.debug("answered", status=statuses[0] if statuses else None, **where)

    return logged
