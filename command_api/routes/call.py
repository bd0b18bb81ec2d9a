"""One HTTP call of a command: who calls, which command it is, and the answer with its headers."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Request, Response
from starlette.types import Message, Receive

from command_api.services.command_request import CommandAnswer, CommandContext, CommandRequest
from command_api.services.command_services import CommandServices
from command_api.services.handle_command import handle_command
from contracts.streams import Token, format_token
from infrastructure.api_keys import Principal
from infrastructure.web.errors import ApiError, ErrorDetail
from infrastructure.web.headers import headers_of
from infrastructure.web.time_limit import allow_seconds
from infrastructure.write_store import CommandKey

__all__ = ["Call", "CurrentCall", "answer_json", "brief", "carry_out", "joined_answer", "part_context", "read_call"]

# A Structured Field string (RFC 9651); a bare token is understood as well.
_QUOTED: Final = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
_BARE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Call:
    """What a route works with."""

    principal: Principal
    context: CommandContext
    services: CommandServices
    has_client_key: bool
    """Whether the client named the command, so that it may have been carried out before."""

    allow_seconds: Callable[[float], None]
    """Gives the request more time, where it asked to wait."""

    is_gone: Callable[[], bool]
    """Whether the client has hung up: nothing is done for it any more."""

    is_stopping: Callable[[], bool]
    """Whether the process drains: whoever waits answers now."""

    over: Callable[[], Coroutine[Any, Any, None]]
    """Returns when the client hangs up or the process drains."""


def _idempotency_key(header: str | None, services: CommandServices) -> str:
    """Return the client's key or one of our own; raises ApiError where the header is not one."""
    if header is None:
        return f"bureau-{services.make_id()}"
    quoted = _QUOTED.fullmatch(header.strip())
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if _BARE.fullmatch(header.strip()) is not None:
        return header.strip()
    detail = ErrorDetail(path="header.idempotency-key", code="invalid", message='1 to 255 characters as in "abc"')
    raise ApiError(400, "invalid_header", "The header Idempotency-Key is not valid.", details=(detail,))


def _fingerprint(request: Request, body: bytes) -> bytes:
    """Return what tells one request from another under the same key: method, path, lease token and body.

    Nothing where the key is the service's own: nobody but this call can ask under that.
    """
    if "idempotency-key" not in headers_of(request.scope):
        return b""
    lease_token = headers_of(request.scope).get("lease-token", "")
    head = f"{request.method} {request.scope['path']}\n{lease_token}\n".encode()
    return hashlib.sha256(head + body).digest()


async def read_call(request: Request) -> Call:
    """Return the call that a request makes; raises ApiError 400. The route has asked for the principal already.

    One dependency for everything, since each costs every request time.
    """
    principal: Principal = request.scope["principal"]
    services: CommandServices = request.app.state.services
    headers = headers_of(request.scope)
    traceparent = headers.get("traceparent", "")
    is_traced = _TRACEPARENT.fullmatch(traceparent) is not None
    context = CommandContext(
        key=CommandKey(
            principal.workspace_id,
            principal.key_id,
            _idempotency_key(headers.get("idempotency-key"), services),
        ),
        fingerprint=_fingerprint(request, await request.body()),
        correlation_id=request.scope["correlation_id"],
        causation_id=request.scope["request_id"],
        traceparent=traceparent if is_traced else services.make_traceparent(),
    )
    stopping = request.scope.get("stopping")
    return Call(
        principal=principal,
        context=context,
        services=services,
        has_client_key="idempotency-key" in headers,
        allow_seconds=partial(allow_seconds, request),
        is_gone=partial(_is_gone, request.receive),
        is_stopping=stopping.is_set if stopping else _never,
        over=partial(_over, request.receive, stopping),
    )


def _is_gone(receive: Receive) -> bool:
    """Tell whether the client is gone; its body was read before.

    One step of `receive`: it says so, or begins to wait and is given up. Starlette's own way to ask starts and cancels
    a scope for it, a tenth of the time of a lease.
    """
    step = receive().__await__()
    try:
        next(step)
    except StopIteration as told:
        message: Message = told.value
        return bool(message["type"] == "http.disconnect")
    finally:
        step.close()
    return False


async def _hung_up(receive: Receive) -> None:
    """Return when the client is gone; its body was read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _over(receive: Receive, stopping: asyncio.Event | None) -> None:
    """Return when the client hangs up or the process drains."""
    ends: list[asyncio.Task[Any]] = [asyncio.create_task(_hung_up(receive))]
    if stopping is not None:
        ends.append(asyncio.create_task(stopping.wait()))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()


def _never() -> bool:
    """Say that a process without a stop signal never drains."""
    return False


CurrentCall = Annotated[Call, Depends(read_call)]
"""The call as a route's parameter."""


async def carry_out(request: CommandRequest, call: Call) -> CommandAnswer:
    """Handle a command with the call's services."""
    return await handle_command(request, call.services.commands)


def part_context(call: Call, part: int) -> CommandContext:
    """Return the context of a part, from 0, of a call that takes several transactions, one after the other.

    Part 0 has the call's own key: so it claims that, and another call under it is refused before anything of it is
    done. The others' keys follow from it; no client's key holds a line break. What a part answers is kept even where
    all of it was refused, as long as the client can send it again.
    """
    key = call.context.key
    own = key if part == 0 else key._replace(key=f"{key.key}\n{part}")
    return replace(call.context, key=own, keeps_refusals=call.has_client_key)


def brief(call: Call) -> Call:
    """Return the call of a command that may as well be carried out again once its receipt is purged, an hour later.

    Half a fingerprint says so.
    """
    return replace(call, context=replace(call.context, fingerprint=call.context.fingerprint[:16]))


def joined_answer(answers: Sequence[CommandAnswer]) -> CommandAnswer:
    """Return one answer for several: its token covers them all, and it is a replay where all are."""
    is_replayed = all(answer.is_replayed for answer in answers)
    tokens = [answer.token for answer in answers if answer.token is not None]
    if not tokens:
        return CommandAnswer({}, None, is_replayed=is_replayed)
    positions: dict[int, int] = {}
    for token in tokens:
        for shard, position in token.positions.items():
            positions[shard] = max(position, positions.get(shard, 0))
    return CommandAnswer({}, Token(max(token.epoch for token in tokens), positions), is_replayed=is_replayed)


def answer_json(answer: CommandAnswer, body: Mapping[str, Any], *, status: int = 200, location: str = "") -> Response:
    """Return the answer: the body with its consistency token, which stands in a header too."""
    headers = {"Location": location} if location else {}
    token = None if answer.token is None else format_token(answer.token)
    if token is not None:
        headers["Bureau-Consistency"] = token
    if answer.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    content = orjson.dumps({**body, "consistency": token})
    return Response(content, status_code=status, headers=headers, media_type="application/json")
