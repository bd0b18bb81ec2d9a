"""One call over HTTP: headers, retries, errors. Everything above it speaks in records.

A command carries one `Idempotency-Key` over all its retries, so trying again never does anything twice. Retried are
lost connections, 429, 502, 503, 504 and what the service calls retryable: a bounded number of times, with full
jitter, and not before `Retry-After`.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx2
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from client.consistency import ConsistencyMemory
from client.errors import (
    ApiError,
    BureauError,
    ConsistencyLostError,
    TransportError,
    UnexpectedAnswerError,
    make_api_error,
)
from client.records import Page

__all__ = ["Call", "Connection", "RetryPolicy", "iterate_pages", "request", "send"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a call is repeated; pauses in seconds."""

    attempts: int = 5
    first_pause: float = 0.1
    longest_pause: float = 5.0
    longest_retry_after: float = 60.0
    """A `Retry-After` beyond this is raised at once instead of waited for."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What every call needs: connections, addresses, patience, and the memory of this client's writes."""

    http: httpx2.AsyncClient
    command_url: str
    query_url: str
    retries: RetryPolicy
    timeout_seconds: float
    read_wait_seconds: int
    is_stale_allowed: bool
    memory: ConsistencyMemory = field(default_factory=ConsistencyMemory)


@dataclass(frozen=True, slots=True)
class Call:
    """One request; parameters and body fields that are None are left out."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    wait_seconds: float = 0.0
    """How much longer than usual the service may take to answer."""

    @property
    def is_query(self) -> bool:
        """Whether the call only reads."""
        return self.method == "GET"


async def request[Answer: BaseModel](connection: Connection, call: Call, answer: type[Answer]) -> Answer:
    """Make the call and return its answer as a record; raises BureauError."""
    response = await send(connection, call)
    try:
        return answer.model_validate_json(response.content)
    except ValidationError as error:
        raise UnexpectedAnswerError(f"{response.request.url} did not answer a {answer.__name__}: {error}") from error


async def send(connection: Connection, call: Call) -> httpx2.Response:
    """Make the call with retries and return the successful (or 304) response; raises BureauError."""
    prepared = _prepare(connection, call)
    for attempt in range(1, connection.retries.attempts + 1):
        try:
            return await _send_once(connection, prepared)
        except BureauError as error:
            pause = _find_pause(connection.retries, attempt, error)
            if pause is None:
                raise
        await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


async def iterate_pages[Item](read_page: Callable[[str | None], Awaitable[Page[Item]]]) -> AsyncIterator[Item]:
    """Yield the items of all pages; `read_page` takes a cursor, None for the first page."""
    cursor: str | None = None
    while True:
        page = await read_page(cursor)
        for item in page.data:
            yield item
        cursor = page.next_cursor
        if not page.has_more or cursor is None:
            return


def _prepare(connection: Connection, call: Call) -> httpx2.Request:
    is_waiting = call.is_query and connection.memory.token is not None
    wait_seconds = call.wait_seconds + (connection.read_wait_seconds if is_waiting else 0)
    return connection.http.build_request(
        call.method,
        (connection.query_url if call.is_query else connection.command_url) + call.path,
        params={name: str(value) for name, value in call.parameters.items() if value is not None},
        content=None if call.is_query else _write_body(call.body or {}),
        headers={**call.headers, **(_query_headers(connection) if call.is_query else _command_headers(call))},
        timeout=httpx2.Timeout(connection.timeout_seconds, read=connection.timeout_seconds + wait_seconds),
    )


def _command_headers(call: Call) -> dict[str, str]:
    return {"Idempotency-Key": f'"{call.idempotency_key or uuid.uuid4()}"', "Content-Type": "application/json"}


def _query_headers(connection: Connection) -> dict[str, str]:
    if connection.memory.token is None:
        return {}
    handling = "" if connection.is_stale_allowed else ", handling=strict"
    return {
        "Bureau-Consistency": connection.memory.token,
        "Prefer": f"wait={connection.read_wait_seconds}{handling}",
    }


def _write_body(body: Mapping[str, object]) -> bytes:
    given = {name: _dump(value) for name, value in body.items() if value is not None}
    return to_json(given, inf_nan_mode="null")


def _dump(value: object) -> object:
    """Return JSON-like data: records as the fields that were set, and JSON as it is."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    return [_dump(item) for item in value] if isinstance(value, tuple) else value


async def _send_once(connection: Connection, prepared: httpx2.Request) -> httpx2.Response:
    try:
        response = await connection.http.send(prepared)
    except httpx2.TransportError as error:
        raise TransportError(f"{prepared.url} does not answer: {str(error) or type(error).__name__}") from error
    if response.is_success or response.status_code == httpx2.codes.NOT_MODIFIED:
        connection.memory.remember(response.headers.get("Bureau-Consistency") if prepared.method != "GET" else None)
        return response
    if not response.is_error:
        raise UnexpectedAnswerError(f"{prepared.url} answered {response.status_code}: is the address right?")
    refusal = make_api_error(response.status_code, response.content, _read_retry_after(response))
    if isinstance(refusal, ConsistencyLostError):
        connection.memory.forget()
    raise refusal


def _find_pause(retries: RetryPolicy, attempt: int, error: BureauError) -> float | None:
    """Return the seconds to wait before the next attempt, or None where there is to be none."""
    retry_after = error.retry_after or 0.0 if isinstance(error, ApiError) else 0.0
    if not error.is_retryable or attempt >= retries.attempts or retry_after > retries.longest_retry_after:
        return None
    ceiling: float = min(retries.longest_pause, retries.first_pause * 2 ** (attempt - 1))
    return retry_after + secrets.SystemRandom().uniform(0, ceiling)


def _read_retry_after(response: httpx2.Response) -> float | None:
    """Return the seconds of `Retry-After`; None where it is missing or a date."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None
