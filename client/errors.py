"""Everything that the client raises; catch `BureauError` to catch it all.

    BureauError
    ├── TransportError             no answer: refused, cut off or too slow, after all retries
    ├── UnexpectedAnswerError      an answer that is not Bureau's (a proxy's page, a body of another shape)
    └── ApiError                   an answer that says no: code, message, details, request_id, is_retryable
        ├── AuthenticationError    401  the API key is missing, wrong or revoked
        ├── PermissionDeniedError  403  the key may not do this
        ├── NotFoundError          404  no such agent, task or address
        ├── ConflictError          409  the agent or task is in a state that does not allow this
        │   ├── AgentNameTakenError     the workspace has an agent of this name
        │   ├── WrongStateError         the task is over, or not where the command needs it
        │   ├── LeaseLostError          the lease expired, or another worker has the task
        │   └── TaskCanceledError       the worker's task was canceled: stop, and acknowledge it
        ├── ConsistencyLostError   410  the database went back in time; the token is forgotten, read again
        ├── InvalidRequestError    400, 405, 413, 415, 422, 431  `details` names the fields
        ├── RateLimitedError       429  after all retries; `retry_after` in seconds
        └── ServiceError           5xx  a fault of the service
            └── UnavailableError   502, 503, 504  after all retries
                └── StaleError          the read model did not reach the client's own writes in time

`code` is stable and meant for programs, `message` is for people.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = [
    "AgentNameTakenError",
    "ApiError",
    "AuthenticationError",
    "BureauError",
    "ConflictError",
    "ConsistencyLostError",
    "ErrorDetail",
    "InvalidRequestError",
    "LeaseLostError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "ServiceError",
    "StaleError",
    "TaskCanceledError",
    "TransportError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "WrongStateError",
    "is_refusal",
    "make_api_error",
]

_RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})


class ErrorDetail(BaseModel):
    """One field at fault: `path` such as `message.parts.0.text`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str = ""
    code: str = ""
    message: str = ""


class _ErrorBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    message: str
    details: tuple[ErrorDetail, ...] = ()
    request_id: str | None = None
    retryable: bool = False


class _ErrorAnswer(BaseModel):
    error: _ErrorBody


class BureauError(Exception):
    """The root of the tree; `is_retryable` says whether the same call may succeed later."""

    is_retryable: bool = False


class TransportError(BureauError):
    """No answer came: the service can't be reached, the connection broke, or the time ran out."""

    is_retryable = True


class UnexpectedAnswerError(BureauError):
    """Something answered, but not in Bureau's form: the address may be wrong."""


class ApiError(BureauError):
    """The service answered with an error; `retry_after` is in seconds where it named a time."""

    def __init__(self, status: int, body: _ErrorBody, retry_after: float | None = None) -> None:
        self.status = status
        self.code = body.code
        self.message = body.message
        self.details = body.details
        self.request_id = body.request_id
        self.is_retryable = body.retryable or status in _RETRYABLE_STATUSES
        self.retry_after = retry_after
        super().__init__(_describe(status, body))


class AuthenticationError(ApiError):
    """401: the API key is missing, wrong or revoked."""


class PermissionDeniedError(ApiError):
    """403: the key may not do this."""


class NotFoundError(ApiError):
    """404: no such agent, task or address in this workspace."""


class ConflictError(ApiError):
    """409: the state of the agent or task does not allow this."""


class AgentNameTakenError(ConflictError):
    """The workspace already has an agent of this name."""


class WrongStateError(ConflictError):
    """The task is over (completed, failed, canceled) or not where the command needs it."""


class LeaseLostError(ConflictError):
    """The lease expired or another worker has the task: stop, and report nothing more."""


class TaskCanceledError(ConflictError):
    """The task that the worker has was canceled: stop, and acknowledge it."""


class ConsistencyLostError(ApiError):
    """410: the database was restored to an earlier time; the client has forgotten its token, so a new read works."""


class InvalidRequestError(ApiError):
    """400, 405, 413, 415, 422 or 431: the request can't be understood; `details` names the fields."""


class RateLimitedError(ApiError):
    """429, after all retries."""


class ServiceError(ApiError):
    """5xx: a fault of the service; quote `request_id` when you report it."""


class UnavailableError(ServiceError):
    """502, 503 or 504, after all retries."""


class StaleError(UnavailableError):
    """The read model did not reach the client's own writes in time."""


_BY_CODE: Mapping[str, type[ApiError]] = {
    "agent_name_taken": AgentNameTakenError,
    "wrong_state": WrongStateError,
    "lease_lost": LeaseLostError,
    "stale": StaleError,
    "task_canceled": TaskCanceledError,
}
_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: ConsistencyLostError,
    429: RateLimitedError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def make_api_error(status: int, content: bytes, retry_after: float | None = None) -> ApiError:
    """Return the error of an answer's status and body; a body of another shape gets the code `http_<status>`."""
    try:
        body = _ErrorAnswer.model_validate_json(content).error
    except ValidationError:
        body = _ErrorBody(code=f"http_{status}", message=content[:200].decode(errors="replace") or "no body")
    fallback = ServiceError if status >= 500 else InvalidRequestError  # noqa: PLR2004 - the class of server errors
    return (_BY_CODE.get(body.code) or _BY_STATUS.get(status, fallback))(status, body, retry_after)


def is_refusal(error: BaseException) -> bool:
    """Tell whether nothing was done: without an answer, or with one that something went wrong, a command may be."""
    return isinstance(error, ApiError) and error.status < 500 and not error.is_retryable  # noqa: PLR2004 - as above


def _describe(status: int, body: _ErrorBody) -> str:
    fields = "; ".join(f"{detail.path}: {detail.message}" for detail in body.details[:5])
    request = f" [request {body.request_id}]" if body.request_id else ""
    return f"{status} {body.code}: {body.message}{f' ({fields})' if fields else ''}{request}"
