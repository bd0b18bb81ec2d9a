"""From refusals and a database out of reach to HTTP: 403, 404, 409 or 422 with the refusal's own code, or 503."""

from fastapi import FastAPI, Request, Response

from domain.rejection import Conflict, Forbidden, NotFound, Rejection
from infrastructure.web.errors import ApiError, ErrorDetail, error_response
from infrastructure.write_store import StoreUnavailableError

__all__ = ["install_rejection_handlers", "told_as"]

_RETRYABLE_CODES = frozenset({"version_conflict"})


def _status(rejection: Rejection) -> int:
    """Return the status that a kind of refusal is told with."""
    if isinstance(rejection, NotFound):
        return 404
    if isinstance(rejection, Conflict):
        return 409
    if isinstance(rejection, Forbidden):
        return 403
    return 422


def told_as(error: Rejection | StoreUnavailableError) -> ApiError:
    """Return what a client is told of a refusal, or of a database that is out of reach."""
    if isinstance(error, StoreUnavailableError):
        message = "The database is out of reach; send the same request with the same Idempotency-Key again."
        return ApiError(503, "unavailable", message, is_retryable=True, headers={"Retry-After": "1"})
    details = [
        ErrorDetail(path=f"body.{detail.path}", code=detail.code, message=detail.message) for detail in error.details
    ]
    is_retryable = error.code in _RETRYABLE_CODES
    return ApiError(_status(error), error.code, error.message, details=details, is_retryable=is_retryable)


def install_rejection_handlers(application: FastAPI) -> None:
    """Answer refusals, and a database that is out of reach, in the one error shape."""

    async def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, Rejection | StoreUnavailableError)  # noqa: S101 - registered for these alone
        return error_response(told_as(error), request.scope["request_id"])

    application.add_exception_handler(Rejection, on_refusal)
    application.add_exception_handler(StoreUnavailableError, on_refusal)
