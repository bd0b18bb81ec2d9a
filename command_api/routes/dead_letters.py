"""Dead letters: people with the role operator or admin have them retried, or an event skipped.

No command of the domain: what is asked for is kept, and the projector that holds the shard does it.
"""

from typing import Any, Final
from uuid import UUID, uuid5

from fastapi import APIRouter

from command_api.bodies import SkipBody
from command_api.receipts import DeadLetterReceipt
from command_api.routes.call import Call, CurrentCall, answer_json
from command_api.routes.json_route import JsonRoute
from command_api.services.command_request import CommandAnswer
from infrastructure.dead_letters import DeadLetterRequest, WantedAction, may_operate
from infrastructure.web.application import documented_errors
from infrastructure.web.errors import ApiError

__all__ = ["router"]

router = APIRouter(
    prefix="/dead-letters",
    tags=["dead letters"],
    route_class=JsonRoute,
    responses=documented_errors(400, 401, 403, 404, 409, 413, 415, 422, 503),
)

_WAIT_SECONDS: Final = 2.0
_REQUESTS: Final = UUID("6f0f0e0c-5f0e-4a53-9d3f-6f2f8a7c9b11")
"""The name space of requests: the same key of the same principal is the same request."""


@router.post("/{dead_letter_id}/retry", response_model=DeadLetterReceipt, summary="Retry a dead letter")
async def retry_dead_letter(dead_letter_id: UUID, call: CurrentCall) -> Any:  # noqa: ANN401 - response_model says it
    """Have its events applied in their order, up to the first that fails again.

    Answers within two seconds; where `outcome` is null by then, the same Idempotency-Key asks what has become of it.
    """
    return await _ask(call, WantedAction(_request_id(call), dead_letter_id, "retry", _who(call)))


@router.post("/{dead_letter_id}/skip", response_model=DeadLetterReceipt, summary="Skip an event of a dead letter")
async def skip_dead_letter(dead_letter_id: UUID, body: SkipBody, call: CurrentCall) -> Any:  # noqa: ANN401 - see above
    """Leave out the first event that waits, then retry the rest: the view differs from the log from then on."""
    return await _ask(call, WantedAction(_request_id(call), dead_letter_id, "skip", _who(call), body.event_id))


def _request_id(call: Call) -> UUID:
    """Return the id of what a call asks for; raises ApiError 403."""
    if not may_operate(call.principal.roles):
        raise ApiError(403, "forbidden", "Dead letters are for keys with the role operator or admin.")
    return uuid5(_REQUESTS, "\n".join(call.context.key))


def _who(call: Call) -> str:
    """Return who asks, for the record."""
    return f"{call.principal.name} with the key {call.principal.key_id}"


async def _ask(call: Call, wanted: WantedAction) -> Any:  # noqa: ANN401 - see above
    """Ask, wait a little and answer; raises ApiError 404 and 422."""
    asked = await call.services.ask_for_release(wanted, call.principal.workspace_id, _WAIT_SECONDS)
    if asked is None:
        raise ApiError(404, "dead_letter_not_found", "No such dead letter in this workspace.")
    if (asked.dead_letter_id, asked.action, asked.event_id) != (wanted.dead_letter_id, wanted.action, wanted.event_id):
        raise ApiError(422, "idempotency_key_reused", "This Idempotency-Key was used with another request.")
    return answer_json(CommandAnswer({}, None, is_replayed=False), _result(asked))


def _result(asked: DeadLetterRequest) -> dict[str, Any]:
    """Return what is said of a request."""
    return {
        "request_id": str(asked.request_id),
        "dead_letter_id": str(asked.dead_letter_id),
        "action": asked.action,
        "outcome": asked.outcome,
        "applied": asked.applied,
        "error": asked.error,
    }
