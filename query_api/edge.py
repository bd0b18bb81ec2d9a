"""Between HTTP and the line: headers in, headers out, and the line's errors in the one error shape."""

from collections.abc import Callable
from typing import Final

from fastapi import Request, Response

from contracts.streams import InvalidTokenError, format_token, parse_token
from infrastructure.answer_cache import Answer
from infrastructure.api_keys import Principal
from infrastructure.cursors import InvalidCursorError
from infrastructure.epochs import LostPositionError, UnknownPositionError
from infrastructure.web.errors import ApiError, ErrorDetail
from infrastructure.web.pieces import PiecesResponse
from infrastructure.web.time_limit import allow_seconds
from query_api.asking import Asker
from query_api.dependencies import QueryDependencies
from query_api.services import Outcome, Question, StaleAnswerError, answer_query
from query_api.wishes import Wish, matches_etag, read_wish

__all__ = ["answer_request", "to_api_error"]

# A token of more shards than this would not fit a header.
_MOST_SHARDS_IN_A_HEADER: Final = 64

type Ask = Callable[[Asker, QueryDependencies], Question]


def to_api_error(error: Exception, where: str = "header.bureau-consistency") -> ApiError:
    """Return what a client is told of the line's errors, and where the token was; raises what is not one of them."""
    match error:
        case InvalidTokenError() | UnknownPositionError():
            detail = ErrorDetail(path=where, code="invalid_token", message="Not a token of ours")
            return ApiError(
                422, "invalid_token", "The consistency token is not one of this service.", details=(detail,)
            )
        case LostPositionError():
            message = "What this token stands for was lost when the database was restored; read without it."
            return ApiError(410, "consistency_epoch_lost", message)
        case InvalidCursorError():
            detail = ErrorDetail(path="query.cursor", code="invalid_cursor", message="Not a cursor of this list")
            return ApiError(422, "invalid_cursor", "The cursor does not belong to this list.", details=(detail,))
        case StaleAnswerError(is_parked=True):
            message = "An event that the answer is made of waits as a dead letter until somebody retries or skips it."
            return ApiError(503, "stale", message, is_retryable=True, headers={"Retry-After": "60"})
        case StaleAnswerError():
            message = "The read model has not reached the consistency token yet; try again."
            return ApiError(503, "stale", message, is_retryable=True, headers={"Retry-After": "1"})
        case _:
            raise error


def _link(request: Request, next_cursor: str) -> str:
    """Return the header `Link` (RFC 8288), relative to the host."""
    url = request.url.include_query_params(cursor=next_cursor)
    return f'<{url.path}?{url.query}>; rel="next"'


def _staleness(outcome: Outcome) -> dict[str, str]:
    """Return the headers of an answer that may be older than it should be, with the reason; none of another."""
    if not outcome.is_stale:
        return {}
    return {"Bureau-Stale": "true", "Bureau-Stale-Reason": "parked" if outcome.is_parked else "behind"}


def _headers(request: Request, answer: Answer, wish: Wish, stale: dict[str, str]) -> dict[str, str]:
    """Return the headers of an answer, the same for 200 and 304."""
    headers = stale | {"ETag": answer.etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if answer.covers is not None and len(answer.covers.positions) <= _MOST_SHARDS_IN_A_HEADER:
        headers["Bureau-Consistency"] = format_token(answer.covers)
    if wish.applied:
        headers["Preference-Applied"] = wish.applied
    if answer.next_cursor is not None:
        headers["Link"] = _link(request, answer.next_cursor)
    return headers


def _respond(request: Request, answer: Answer, wish: Wish, stale: dict[str, str]) -> Response:
    """Return the stored bytes, or 304 where the client has them already."""
    headers = _headers(request, answer, wish, stale)
    if matches_etag(request.headers.getlist("if-none-match"), answer.etag):
        return Response(status_code=304, headers=headers)
    if answer.rest:
        return PiecesResponse((answer.body, *answer.rest), headers)
    return Response(answer.body, headers=headers, media_type="application/json")


async def _outcome(request: Request, principal: Principal, ask: Ask, consistency: str | None) -> tuple[Outcome, Wish]:
    """Ask and return what came, and what was wished; the line's errors come out as ApiError."""
    dependencies: QueryDependencies = request.app.state.query_dependencies
    if consistency:
        _require_token(consistency)
    header = request.headers.get("bureau-consistency")
    path = "query.consistency" if header is None else "header.bureau-consistency"
    try:
        wish = read_wish(consistency if header is None else header, request.headers.getlist("prefer"))
        allow_seconds(request, wish.wait_seconds)
        asker = Asker(principal.workspace_id, wish, await dependencies.shards())
        return await answer_query(ask(asker, dependencies), dependencies), wish
    except Exception as error:
        raise to_api_error(error, path) from error


def _require_token(text: str) -> None:
    """Raise ApiError where the query's token is none: beside the header, which wins, as alone."""
    try:
        parse_token(text)
    except InvalidTokenError as error:
        raise to_api_error(error, "query.consistency") from error


async def answer_request(request: Request, principal: Principal, ask: Ask, consistency: str | None) -> Response:
    """Answer one request; raises ApiError, 404 where there is no such thing in the principal's workspace."""
    outcome, wish = await _outcome(request, principal, ask, consistency)
    if outcome.answer is None:
        kind = next(iter(request.path_params)).removesuffix("_id")
        raise ApiError(404, f"{kind}_not_found", f"No such {kind} in this workspace.", headers=_staleness(outcome))
    return _respond(request, outcome.answer, wish, _staleness(outcome))
