"""From the domain's refusals to HTTP: 403, 404, 409 or 422, with the refusal's own code."""

from fastapi import FastAPI, Request, Response

from domain.rejection import Conflict, Forbidden, NotFound, Rejection
from infrastructure.web.errors import ApiError, ErrorDetail, error_response
from infrastructure.write_store import StoreUnavailableError

__all__ = ["install_rejection_handlers"]

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


def install_rejection_handlers(application: FastAPI) -> None:
    """Answer refusals, and a database that is out of reach, in the one error shape."""

    async def on_rejection(request: Request, error: Exception) -> Response:
        assert isinstance(error, Rejection)  # noqa: S101 - registered for this type alone
        details = [
            ErrorDetail(path=f"body.{detail.path}", code=detail.code, message=detail.message)
            for detail in error.details
        ]
        is_retryable = error.code in _RETRYABLE_CODES
        told = ApiError(_status(error), error.code, error.message, details=details, is_retryable=is_retryable)
        return error_response(told, request.scope["request_id"])

    async def on_unavailable(request: Request, _error: Exception) -> Response:
        message = "The database is out of reach; send the same request with the same Idempotency-Key again."
        told = ApiError(503, "unavailable", message, is_retryable=True, headers={"Retry-After": "1"})
        return error_response(told, request.scope["request_id"])

    application.add_exception_handler(Rejection, on_rejection)
    application.add_exception_handler(StoreUnavailableError, on_unavailable)
