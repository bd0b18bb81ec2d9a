"""The one error shape of every HTTP answer, and the handlers that bring every error into it.

    ApiError            raised by routes and services' edges: status, stable code, message
      (others)          validation, unknown routes, wrong methods and bugs are translated here

A message is for people and may change; the code is for machines and may not. No stack trace leaves the process.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from contracts.record import Record
from infrastructure.postgres import is_connection_error

__all__ = [
    "CODES",
    "ApiError",
    "ErrorBody",
    "ErrorDetail",
    "ErrorResponse",
    "error_response",
    "install_error_handlers",
    "unexpected_error",
]

_logger = structlog.get_logger(__name__)


class ErrorDetail(Record):
    """What is wrong in one place of the request."""

    path: str = Field(
        description="Where: body.message.parts.0, query.limit, header.idempotency-key.", examples=["body.name"]
    )
    code: str = Field(description="Stable, for machines.", examples=["missing"])
    message: str = Field(examples=["Field required"])


class ErrorBody(Record):
    """What went wrong."""

    code: str = Field(description="Stable, for machines; docs/errors.md has them all.", examples=["invalid_request"])
    message: str = Field(description="For people; may change.", examples=["The request is not valid."])
    details: tuple[ErrorDetail, ...] = ()
    request_id: str = Field(description="As in the header X-Request-Id.")
    retryable: bool = Field(description="Whether the same request may succeed later.")


class ErrorResponse(Record):
    """The shape of every error."""

    error: ErrorBody


class ApiError(Exception):
    """An error that a client is told about."""

    def __init__(  # noqa: PLR0913 - one argument a field of the answer, all but three with a default
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[ErrorDetail] = (),
        is_retryable: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what the answer will say."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.is_retryable = is_retryable
        self.headers = dict(headers or {})


_MAX_DETAILS: Final = 20
_LONGEST_STEP: Final = 100

CODES: Final = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}
"""What the framework refuses by itself, by status."""


def error_response(error: ApiError, request_id: str) -> Response:
    """Return the answer that says an error."""
    body = ErrorBody(
        code=error.code,
        message=error.message,
        details=error.details,
        request_id=request_id,
        retryable=error.is_retryable,
    )
    return JSONResponse(
        ErrorResponse(error=body).model_dump(mode="json"), status_code=error.status, headers=error.headers
    )


def _request_id(request: Request) -> str:
    """Return the id that the middleware gave the request."""
    return str(request.scope.get("request_id", ""))


def _detail(error: Mapping[str, Any]) -> ErrorDetail:
    """Return one complaint of pydantic in our shape; the offending value itself is never repeated."""
    place, *steps = (str(step)[:_LONGEST_STEP] for step in error["loc"])
    path = ".".join([place, *(step.lower() if place == "header" else step for step in steps)])
    return ErrorDetail(path=path, code=str(error["type"]), message=str(error["msg"]))


def _from_validation(error: RequestValidationError) -> ApiError:
    """Tell a body that is not JSON at all (400) from one that says the wrong thing (422)."""
    details = tuple(_detail(entry) for entry in error.errors()[:_MAX_DETAILS])
    if any(detail.code == "json_invalid" for detail in details):
        return ApiError(400, "malformed_json", "The body is not valid JSON.", details=details)
    if (missing := _missing(details)) is not None:
        return missing
    first = details[0]
    return ApiError(
        422, "invalid_request", f"The request is not valid: {first.path}: {first.message}.", details=details
    )


def _missing(details: Sequence[ErrorDetail]) -> ApiError | None:
    """Return the answer to a path whose id can be nobody's, as that to an id that is nobody's; None for other paths."""
    name = next((detail.path.removeprefix("path.") for detail in details if detail.path.startswith("path.")), None)
    if name is None:
        return None
    kind = name.removesuffix("_id")
    return ApiError(404, f"{kind}_not_found", f"There is no such {kind}: the path's {name} is none.", details=details)


def _from_http(error: HTTPException) -> ApiError:
    """Translate the errors that the framework raises by status."""
    code = CODES.get(error.status_code, "error")
    message = "No such path." if error.status_code == HTTPStatus.NOT_FOUND else str(error.detail)
    return ApiError(error.status_code, code, message, headers=error.headers)


def _from_bug(error: Exception) -> ApiError:
    """Translate what nobody expected: servers out of reach are 503, anything else is ours and 500."""
    if is_connection_error(error):
        message = "The database is out of reach; try again."
        return ApiError(503, "unavailable", message, is_retryable=True, headers={"Retry-After": "1"})
    return ApiError(500, "internal", "Something went wrong on our side; the request id finds it in the log.")


def unexpected_error(error: Exception, request_id: str) -> Response:
    """Log an error that no handler knows and return the answer that tells the client no more than it may know."""
    told = _from_bug(error)
    if told.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _logger.error("request failed", request_id=request_id, exc_info=error)
    else:
        _logger.warning("database out of reach", request_id=request_id, error=type(error).__name__)
    return error_response(told, request_id)


def install_error_handlers(application: FastAPI) -> None:
    """Bring every error that routes raise into the one shape; what they don't foresee is the middleware's."""

    async def on_api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101 - registered for this type alone
        return error_response(error, _request_id(request))

    async def on_validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
        return error_response(_from_validation(error), _request_id(request))

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
        return error_response(_from_http(error), _request_id(request))

    application.add_exception_handler(ApiError, on_api_error)
    application.add_exception_handler(RequestValidationError, on_validation_error)
    application.add_exception_handler(HTTPException, on_http_error)
