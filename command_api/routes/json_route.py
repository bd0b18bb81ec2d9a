"""Reading a command's body: JSON or nothing, and no text that the database could not keep.

U+0000 and lone surrogates are legal in JSON texts and impossible in PostgreSQL's jsonb: they are refused here, before a
decision is made, with the path of the offending text.
"""

import json
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Final

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

from infrastructure.web.authentication import require_principal
from infrastructure.web.errors import ApiError, ErrorDetail

__all__ = ["JsonRoute", "is_nothing", "read_json", "require_json"]

_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")
_MAX_DEPTH: Final = 100

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


def _forbidden_paths(value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Return the paths of texts (and of field names) that hold U+0000 or a lone surrogate."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _forbidden_paths(key, path)
            yield from _forbidden_paths(item, f"{path}.{key}" if key.isprintable() else path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _forbidden_paths(item, f"{path}.{index}")


def _refuse_forbidden_text(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Raise ApiError `forbidden_text` where a text could not be kept."""
    paths = list(_forbidden_paths(value, "body"))
    if not paths:
        return
    details = [ErrorDetail(path=path, code="forbidden_text", message="U+0000 or a lone surrogate") for path in paths]
    raise ApiError(422, "forbidden_text", "Texts must not hold U+0000 or lone surrogates.", details=details)


def _long_integer_paths(value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Return the paths of whole numbers that 64 bits do not hold."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _long_integer_paths(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _long_integer_paths(item, f"{path}.{index}")


def _refuse_long_integers(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Raise ApiError where a whole number would lose digits on its way: our readers would make a float of it."""
    paths = list(_long_integer_paths(value, "body"))
    if not paths:
        return
    details = [ErrorDetail(path=path, code="number_too_long", message="beyond 64 bits") for path in paths]
    message = f"The request is not valid: {paths[0]}: whole numbers beyond 64 bits lose digits; send them as text."
    raise ApiError(422, "invalid_request", message, details=details)


def _malformed(reason: str) -> ApiError:
    """Return the answer to a body that is not JSON."""
    detail = ErrorDetail(path="body", code="json_invalid", message=reason)
    return ApiError(400, "malformed_json", "The body is not valid JSON.", details=(detail,))


def _too_deep() -> ApiError:
    """Return the answer to JSON that is nested deeper than is taken."""
    message = f"nested deeper than {_MAX_DEPTH} levels"
    detail = ErrorDetail(path="body", code="too_deep", message=message)
    return ApiError(422, "body_too_deep", f"The body is {message}.", details=(detail,))


def _require_shallow(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Raise ApiError where JSON is nested deeper than everybody on the line can read and write it."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [item for outer in level for item in _items(outer) if isinstance(item, dict | list)]
    if level:
        raise _too_deep()


def _items(value: Any) -> Iterable[Any]:  # noqa: ANN401 - any JSON
    """Return what stands directly in an object or a list."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refusal(body: bytes, error: orjson.JSONDecodeError) -> ApiError:
    """Return the answer to a body that the strict parser refused: forbidden text is told from malformed JSON."""
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        return _too_deep()
    except ValueError as reason:
        return _malformed(str(reason))
    _require_shallow(value)
    _refuse_forbidden_text(value)
    return _malformed(str(error))


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    message = f"{name} is not JSON"
    raise ValueError(message)


def read_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a body says; raises ApiError."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refusal(body, error) from error
    if _LONG_NUMBER.search(body) is not None:
        _refuse_long_integers(json.loads(body))
    if body.count(b"[") + body.count(b"{") > _MAX_DEPTH:
        _require_shallow(value)
    if rb"\u" in body:
        _refuse_forbidden_text(value)
    return value


def is_nothing(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Tell whether a body says nothing, as that of a command without fields does: none, null or an empty object."""
    return value is None or value == {}


def _refuse_content(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Raise ApiError where the body of a command without fields says something."""
    if is_nothing(value):
        return
    paths = [f"body.{name}" for name in value] if isinstance(value, dict) else ["body"]
    details = [ErrorDetail(path=path, code="extra_forbidden", message="This command has no fields") for path in paths]
    message = f"The request is not valid: {paths[0]}: this command has no fields."
    raise ApiError(422, "invalid_request", message, details=details)


def _refuse_query(request: Request) -> None:
    """Raise ApiError: what is sent where no command reads would be lost."""
    names = dict.fromkeys(request.query_params)
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
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(415, "unsupported_media_type", "Send the body without a Content-Encoding.")
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
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
