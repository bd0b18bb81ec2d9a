"""What all queries have in common: what OpenAPI says of headers and errors, and that a parameter stands there once."""

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from infrastructure.web.application import documented_errors
from infrastructure.web.errors import ApiError, ErrorDetail

__all__ = ["Described", "add_query"]


class Described(NamedTuple):
    """What OpenAPI shows of a route's answer: the bytes themselves go out as they are stored."""

    model: type[BaseModel]
    summary: str
    example: Mapping[str, Any]


type Endpoint = Callable[..., Coroutine[Any, Any, Response]]


def _header_parameter(name: str, description: str, example: str) -> dict[str, Any]:
    """Return a request header as OpenAPI describes it."""
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
        "example": example,
    }


def _headers(**descriptions: str) -> dict[str, Any]:
    """Return answer headers as OpenAPI describes them; an underscore stands for a dash."""
    return {
        name.replace("_", "-"): {"description": description, "schema": {"type": "string"}}
        for name, description in descriptions.items()
    }


_REQUEST_HEADERS: Final = [
    _header_parameter(
        "Bureau-Consistency",
        "A token that a command answered with: the answer covers it, or says that it does not.",
        "1.3:42",
    ),
    _header_parameter(
        "Prefer",
        "`wait=N`: seconds to wait for the token (2 unless told, 30 at most). `handling=strict`: 503, not stale.",
        "wait=10, handling=strict",
    ),
    _header_parameter("If-None-Match", "ETags that the client has: 304 where one is still right.", '"4f9a…"'),
]
_ANSWER_HEADERS: Final = _headers(
    ETag="Strong; names these bytes.",
    Bureau_Consistency="What this answer covers at least.",
    Bureau_Stale="`true` where the answer may be older than the token sent, or lacks what waits as a dead letter.",
    Bureau_Stale_Reason="`behind` or `parked`, where it is stale.",
    Preference_Applied="What was honoured of `Prefer`.",
)
_LINK: Final = _headers(Link='The next page, `rel="next"`, where there is one.')


def _responses(path: str, example: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a query by status."""
    headers = {**_ANSWER_HEADERS, **(_LINK if "data" in example else {})}
    errors = documented_errors(400, 401, *([404] if "{" in path else []), 410, 422, 503)
    return {
        200: {"headers": headers, "content": {"application/json": {"example": dict(example)}}},
        304: {"description": "The client has it already.", "headers": headers},
        **errors,
    }


def _require_once(request: Request) -> None:
    """Raise ApiError where a parameter comes twice: each takes one value, and the others would be lost."""
    times = Counter(name for name, _ in request.query_params.multi_items())
    repeated = [name for name, number in times.items() if number > 1]
    if repeated:
        details = [ErrorDetail(path=f"query.{name}", code="repeated", message="Takes one value") for name in repeated]
        message = f"The request is not valid: {details[0].path}: takes one value, and came with several."
        raise ApiError(422, "invalid_request", message, details=details)


def _with_parameters_once(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint of a query that refuses repeated parameters before it does anything."""

    @wraps(endpoint)
    async def answer(request: Request, **arguments: Any) -> Response:  # noqa: ANN401 - whatever the endpoint takes
        if request.scope["query_string"]:
            _require_once(request)
        return await endpoint(request=request, **arguments)

    return answer


def add_query(router: APIRouter, path: str, endpoint: Endpoint, described: Described, tags: Sequence[str] = ()) -> None:
    """Add a route for GET and HEAD, with tags beside the router's own."""
    endpoint = _with_parameters_once(endpoint)
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        summary=described.summary,
        tags=list(tags),
        response_model=described.model,
        responses=_responses(path, described.example),
        openapi_extra={"parameters": _REQUEST_HEADERS},
    )
    router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
