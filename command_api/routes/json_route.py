"""The routes of commands as FastAPI sees them: strict JSON, and the headers that every command takes."""

from collections.abc import Callable, Coroutine
from itertools import islice
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from command_api.routes.json_body import MAX_DETAILS, read_json
from infrastructure.web.authentication import require_principal
from infrastructure.web.errors import ApiError, ErrorDetail
from infrastructure.web.headers import headers_of

__all__ = ["JsonRoute", "is_nothing", "require_json"]

_COMMAND_HEADERS: Final = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A string in double quotes. The same key with the same request is carried out once.",
        "schema": {"type": "string"},
        "example": '"3c9e1b7a"',
    },
    {
        "name": "X-Correlation-Id",
        "in": "header",
        "required": False,
        "description": "Carried along on every event that the command leads to.",
        "schema": {"type": "string"},
    },
    {
        "name": "traceparent",
        "in": "header",
        "required": False,
        "description": "W3C trace context.",
        "schema": {"type": "string"},
    },
]


def is_nothing(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Tell whether a body says nothing, as that of a command without fields does: none, null or an empty object."""
    return value is None or value == {}


def _refuse_content(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Raise ApiError where the body of a command without fields says something."""
    if is_nothing(value):
        return
    paths = [f"body.{name[:100]}" for name in islice(value, MAX_DETAILS)] if isinstance(value, dict) else ["body"]
    details = [ErrorDetail(path=path, code="extra_forbidden", message="This command has no fields") for path in paths]
    message = f"The request is not valid: {paths[0]}: this command has no fields."
    raise ApiError(422, "invalid_request", message, details=details)


def _refuse_query(request: Request) -> None:
    """Raise ApiError: what is sent where no command reads would be lost."""
    names = islice(dict.fromkeys(request.query_params), MAX_DETAILS)
    details = [ErrorDetail(path=f"query.{name}", code="extra_forbidden", message="Not in the query") for name in names]
    message = f"The request is not valid: {details[0].path}: commands take everything in their body and headers."
    raise ApiError(422, "invalid_request", message, details=details)


class _JsonRequest(Request):
    """A request whose body was read by our rules; FastAPI asks for its value by `json`."""

    value: Any = None

    async def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body's value."""
        return self.value


def require_json(request: Request) -> None:
    """Raise ApiError 415 where a body comes that does not say it is JSON, 422 where something stands in the query."""
    if request.scope["query_string"] and request.query_params:
        _refuse_query(request)
    headers = headers_of(request.scope)
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(415, "unsupported_media_type", "Send the body without a Content-Encoding.")
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if has_body and media_type != "application/json":
        raise ApiError(415, "unsupported_media_type", "Send the body as application/json.")


class JsonRoute(APIRoute):
    """A route for commands: strict JSON, and the headers of commands in the documentation."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - FastAPI's own
        """Add the headers that every command takes."""
        documented = options.get("openapi_extra") or {}
        parameters = [*documented.get("parameters", []), *_COMMAND_HEADERS]
        options["openapi_extra"] = {**documented, "parameters": parameters}
        super().__init__(*arguments, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, with our way of reading a body."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            # First: nothing is read for somebody without a key.
            request.scope["principal"] = await require_principal(request)
            require_json(request)
            read = _JsonRequest(request.scope, request.receive)
            body = await read.body()
            # Here and not when FastAPI asks: it would answer any error with a 400 of its own.
            read.value = read_json(body) if body else None
            if self.body_field is None:
                _refuse_content(read.value)
            return await handle(read)

        return handle_json
