"""Reading dead letters: what waits because a read model could not take it. For keys with the role operator or admin.

Straight from the tables of the projectors: no read model, no cache, no token.
"""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response

from infrastructure.api_keys import Principal
from infrastructure.cursors import seal_cursor
from infrastructure.dead_letters import DeadLetter, DeadLetterFilter, ParkedEventRow, may_operate
from infrastructure.web.application import documented_errors
from infrastructure.web.authentication import CurrentPrincipal
from infrastructure.web.errors import ApiError
from query_api.asking import scope_of, wanted_page
from query_api.dead_letters import DeadLetterListParameters, DeadLetterView, DeadLetterWithEvents
from query_api.dependencies import QueryDependencies
from query_api.edge import to_api_error
from query_api.examples import DEAD_LETTER_EXAMPLE, DEAD_LETTERS_EXAMPLE
from query_api.pages import Page, Parameters

__all__ = ["dead_letters_router", "get_dead_letter", "list_dead_letters"]

_ERRORS = documented_errors(400, 401, 403, 422, 503)


async def list_dead_letters(
    request: Request, principal: CurrentPrincipal, parameters: Annotated[DeadLetterListParameters, Query()]
) -> Response:
    """Dead letters of the workspace by id, a page at a time; filters combine."""
    _require_operator(principal)
    ports: QueryDependencies = request.app.state.query_dependencies
    filters = (parameters.projection, parameters.root_id)
    try:
        wanted = wanted_page(scope_of("dead_letters", principal.workspace_id, filters), parameters, ports)
    except ValueError as error:
        raise to_api_error(error) from error
    after = None if wanted.after is None else UUID(str(wanted.after[0]))
    asked = DeadLetterFilter(principal.workspace_id, *filters)
    found = await ports.finds.dead_letters(asked, after, wanted.limit + 1)
    shown = found[: wanted.limit]
    last = (str(shown[-1].dead_letter_id),) if len(found) > wanted.limit else None
    cursor = None if last is None else seal_cursor(ports.cursor_key, wanted.scope, last)
    return _answer({"data": [_letter(each) for each in shown], "next_cursor": cursor, "has_more": cursor is not None})


async def get_dead_letter(
    request: Request, principal: CurrentPrincipal, dead_letter_id: UUID, _parameters: Annotated[Parameters, Query()]
) -> Response:
    """One dead letter with the first hundred events that wait, each as the log holds it."""
    _require_operator(principal)
    ports: QueryDependencies = request.app.state.query_dependencies
    found = await ports.finds.dead_letter(principal.workspace_id, dead_letter_id)
    if found is None:
        raise ApiError(404, "dead_letter_not_found", "No such dead letter in this workspace.")
    letter, events = found
    return _answer(_letter(letter) | {"waiting": [_event(each) for each in events]})


def _require_operator(principal: Principal) -> None:
    """Raise ApiError 403 where a key has not the role."""
    if not may_operate(principal.roles):
        raise ApiError(403, "forbidden", "Dead letters are for keys with the role operator or admin.")


def _letter(letter: DeadLetter) -> dict[str, Any]:
    """Return a dead letter as it is shown."""
    fields = letter._asdict()
    return {name: fields[name] for name in DeadLetterView.model_fields}


def _event(event: ParkedEventRow) -> dict[str, Any]:
    """Return a waiting event as it is shown; the envelope as text where it is no JSON."""
    try:
        content: object = orjson.loads(event.envelope)
    except ValueError:
        content = event.envelope.decode(errors="replace")
    fields = event._asdict() | {"event": content}
    del fields["envelope"]
    return fields


def _answer(body: dict[str, Any]) -> Response:
    """Return an answer that nobody keeps."""
    return Response(
        orjson.dumps(body, default=str), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )


def dead_letters_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/dead-letters", tags=["dead letters"])
    for path, endpoint, model, summary, example, errors in (
        ("", list_dead_letters, Page[DeadLetterView], "List dead letters", DEAD_LETTERS_EXAMPLE, _ERRORS),
        (
            "/{dead_letter_id}",
            get_dead_letter,
            DeadLetterWithEvents,
            "Get a dead letter",
            DEAD_LETTER_EXAMPLE,
            _ERRORS | documented_errors(404),
        ),
    ):
        described = {200: {"content": {"application/json": {"example": dict(example)}}}, **errors}
        router.add_api_route(
            path, endpoint, methods=["GET"], summary=summary, response_model=model, responses=described
        )
        router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
    return router
