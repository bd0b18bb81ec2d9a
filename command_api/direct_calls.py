"""The shortest way from a request to the function of its route: without FastAPI, half of a command's Python time.

The routes are FastAPI's, which documents them and takes over, with the body that was read, wherever a request is not
plainly valid: so what is wrong with one is said in one place, and here is nothing but the way of the valid ones.
(A task's three requests without their I/O: 2,300 µs through FastAPI, 1,190 µs this way.)
"""

from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, NamedTuple, get_type_hints

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.params import Header
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from command_api.routes.call import Call, read_call
from command_api.routes.json_body import read_json
from command_api.routes.json_route import is_nothing, require_json
from command_api.routes.rejections import told_as
from domain.rejection import Rejection
from infrastructure.web.application import API_PREFIX
from infrastructure.web.authentication import require_principal
from infrastructure.web.errors import ApiError
from infrastructure.web.headers import headers_of
from infrastructure.write_store import StoreUnavailableError

__all__ = ["call_directly"]


class _Reader(NamedTuple):
    """How one argument is read from a request: from its path, a header or the body."""

    name: str
    adapter: TypeAdapter[Any]
    segment: int | None = None
    header: str | None = None
    is_optional: bool = False


class _Way(NamedTuple):
    """A route: the segments of its path below the prefix, None where one varies; its function and its arguments."""

    segments: tuple[str | None, ...]
    answer: Callable[..., Coroutine[Any, Any, Response]]
    readers: tuple[_Reader, ...]
    has_fields: bool


type _Ways = Mapping[tuple[str, str, int], list[_Way]]
"""The ways by method, first segment and number of segments; of two that fit, the one that does not vary is first."""

_BODY: Final = "body"
_CALL: Final = "call"
_MOST_ERRORS: Final = 200


def _reader(name: str, annotation: Any, segments: list[str]) -> _Reader:  # noqa: ANN401 - any type
    """Return how an argument of a route's function is read, by where FastAPI would look for it.

    Raises TypeError for what no command takes, such as a query parameter: FastAPI would read it, and here nobody would.
    """
    adapter = TypeAdapter[Any](annotation)
    if f"{{{name}}}" in segments:
        return _Reader(name, adapter, segment=segments.index(f"{{{name}}}"))
    headers = [known for known in getattr(annotation, "__metadata__", ()) if isinstance(known, Header)]
    if headers:
        return _Reader(name, adapter, header=(headers[0].alias or name.replace("_", "-")).lower())
    if name != _BODY:
        message = f"{name} is none of: a part of the path, a header, {_BODY}, {_CALL}"
        raise TypeError(message)
    return _Reader(name, adapter, is_optional=type(None) in getattr(annotation, "__args__", ()))


def _way(route: APIRoute) -> _Way:
    """Return the way that a route describes."""
    segments = route.path.strip("/").split("/")
    annotations = get_type_hints(route.endpoint, include_extras=True)
    readers = (
        _reader(name, annotation, segments) for name, annotation in annotations.items() if name not in {_CALL, "return"}
    )
    varying = tuple(None if segment.startswith("{") else segment for segment in segments)
    return _Way(varying, route.endpoint, tuple(readers), has_fields=_BODY in annotations)


def _ways(routers: Iterable[APIRouter]) -> _Ways:
    """Return the ways of all routes but those with a part of any number of segments, which are FastAPI's alone."""
    ways: defaultdict[tuple[str, str, int], list[_Way]] = defaultdict(list)
    routes = (route for router in routers for route in router.routes if isinstance(route, APIRoute))
    for route in (route for route in routes if ":path}" not in route.path):
        way = _way(route)
        for method in route.methods or ():
            ways[method, str(way.segments[0]), len(way.segments)].append(way)
    for candidates in ways.values():
        candidates.sort(key=lambda way: None in way.segments)
    return ways


def _find(ways: _Ways, scope: Scope, segments: list[str]) -> _Way | None:
    """Return the way that a request takes, None where FastAPI must say what is wrong with it."""
    for way in ways.get((scope["method"], segments[0], len(segments)), ()):
        if all(mine is None or mine == theirs for mine, theirs in zip(way.segments, segments, strict=True)):
            return way
    return None


def _arguments(way: _Way, request: Request, segments: list[str], value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return the arguments of the route's function, without the call; raises ValidationError or KeyError."""
    if not way.has_fields and not is_nothing(value):
        raise KeyError(_BODY)
    arguments: dict[str, Any] = {}
    for reader in way.readers:
        if reader.segment is not None:
            given: Any = segments[reader.segment]
        elif reader.header is not None:
            given = headers_of(request.scope)[reader.header]
        elif value is None and reader.is_optional:
            continue
        else:
            given = value
        arguments[reader.name] = reader.adapter.validate_python(given)
    return arguments


class _Request(Request):
    """A request whose body is read without Starlette's stream of its parts: nearly always it is one."""

    read: bytes | None = None

    async def body(self) -> bytes:
        """Return the body; raises ClientDisconnect."""
        if self.read is None:
            parts, is_whole = [], False
            while not is_whole:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                parts.append(message.get("body", b""))
                is_whole = not message.get("more_body", False)
            self.read = b"".join(parts)
        return self.read


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that begins with a body that was read already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _refuse_many_errors(error: ValidationError | KeyError) -> None:
    """Raise ApiError 422 where so much is wrong that FastAPI would take long to tell it all."""
    count = error.error_count() if isinstance(error, ValidationError) else 0
    if count > _MOST_ERRORS:
        raise ApiError(422, "invalid_request", f"The request is not valid: {count} things are wrong with its body.")


async def _answer(way: _Way, request: Request, arguments: Mapping[str, Any]) -> Response:
    """Carry the command out; raises ApiError for its refusals too."""
    call: Call = await read_call(request)
    try:
        return await way.answer(**arguments, call=call)
    except (Rejection, StoreUnavailableError) as error:
        raise told_as(error) from error


def call_directly(application: FastAPI, framework: ASGIApp, routers: Iterable[APIRouter]) -> ASGIApp:
    """Wrap the framework of an application that includes the routers below /api/v1; the edge answers its ApiErrors."""
    ways = _ways(routers)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        prefix, _, rest = path.partition(API_PREFIX + "/")
        segments = rest.split("/")
        way = None if prefix or not rest else _find(ways, scope, segments)
        if way is None:
            await framework(scope, receive, send)
            return
        scope["app"] = application
        request = _Request(scope, receive)
        # First: nothing is read for somebody without a key.
        scope["principal"] = await require_principal(request)
        require_json(request)
        body = await request.body()
        value = read_json(body) if body else None
        try:
            arguments = _arguments(way, request, segments, value)
        except (ValidationError, KeyError) as error:
            _refuse_many_errors(error)
            await framework(scope, _again(body, receive), send)
            return
        response = await _answer(way, request, arguments)
        await response(scope, receive, send)

    return handle
