"""What happens to every HTTP request: ids, the size of its body, and errors that nobody foresaw. Plain ASGI.

One middleware, as every further one costs each request time.
"""

import re
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.identifiers import new_id
from infrastructure.web.errors import ApiError, ErrorDetail, error_response, unexpected_error
from infrastructure.web.headers import headers_of

__all__ = ["request_edge"]

_IDENTIFIER: Final = re.compile(r"[\x21-\x7e]{1,128}")
_IDS: Final = ((b"x-request-id", "request_id"), (b"x-correlation-id", "correlation_id"))
_LONGEST_LENGTH: Final = 18  # digits; Python refuses to read thousands of them as a number


class _BodyTooLargeError(Exception):
    """More bytes of a body arrived than are allowed."""


def _accepted_id(headers: Mapping[str, str], name: str) -> str | None:
    """Return the identifier that a client sent, or None; raises ApiError where it is not one."""
    value = headers.get(name)
    if value is None:
        return None
    if _IDENTIFIER.fullmatch(value) is None:
        detail = ErrorDetail(path=f"header.{name}", code="invalid", message="1 to 128 visible ASCII characters")
        raise ApiError(400, "invalid_header", f"The header {name} is not valid.", details=(detail,))
    return value


def _too_large(limit: int) -> ApiError:
    """Return the answer to a body over the limit, in bytes."""
    return ApiError(413, "body_too_large", f"The body is larger than {limit} bytes.", headers={"Connection": "close"})


def _require_small_body(headers: Mapping[str, str], limit: int) -> None:
    """Raise ApiError 413 where the client itself says that the body is too large."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > _LONGEST_LENGTH or int(length) > limit:
        raise _too_large(limit)


def _bounded(receive: Receive, limit: int) -> Receive:
    """Return a `receive` that stops a body without a length, or with a wrong one, at the limit."""
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _BodyTooLargeError
        return message

    return receive_bounded


def _with_ids(message: Message, scope: Scope) -> Message:
    """Return the beginning of an answer with both ids among its headers."""
    ids = ((name, scope[key].encode()) for name, key in _IDS)
    return {**message, "headers": [*message.get("headers", ()), *ids]}


def request_edge(application: ASGIApp, *, max_body_bytes: int) -> ASGIApp:
    """Wrap an application: request and correlation id in the scope, the body bounded, every error in one shape."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        headers = headers_of(scope)
        scope["request_id"] = scope["correlation_id"] = str(new_id())
        is_started = False

        async def send_once(message: Message) -> None:
            nonlocal is_started
            if not is_started:
                is_started, message = True, _with_ids(message, scope)
            await send(message)

        try:
            scope["request_id"] = _accepted_id(headers, "x-request-id") or scope["request_id"]
            scope["correlation_id"] = _accepted_id(headers, "x-correlation-id") or scope["request_id"]
            _require_small_body(headers, max_body_bytes)
            structlog.contextvars.bind_contextvars(request_id=scope["request_id"])
            await application(scope, _bounded(receive, max_body_bytes), send_once)
        except ClientDisconnect:
            return  # hung up before its body was here: nobody is left to be told
        except ApiError as error:
            await error_response(error, scope["request_id"])(scope, receive, send_once)
        except _BodyTooLargeError:
            await error_response(_too_large(max_body_bytes), scope["request_id"])(scope, receive, send_once)
        except Exception as error:
            answer = unexpected_error(error, scope["request_id"])
            if is_started:
                raise
            await answer(scope, receive, send_once)

    return handle
