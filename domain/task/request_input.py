"""Ask a person, and wait for the answer."""

from datetime import datetime, timedelta
from uuid import UUID

from contracts.a2a import Message
from contracts.events import TaskInputRequested
from contracts.json_value import JsonValue
from contracts.record import Record
from domain.rejection import Conflict, Invalid, RejectionDetail
from domain.task.answers import read_answer_schema, require_answer, require_new_question
from domain.task.facts import LeaseReleased, WaitBegun
from domain.task.sizes import json_size, message_size, require_worker_room
from domain.task.state import Task, Waiting, require_working_lease

__all__ = ["RequestInput", "decide_request_input"]


class RequestInput(Record):
    """Ask; the lease is given up while the task waits, unless the worker keeps it and goes on with its heartbeats.

    `default` answers when `expires_in_seconds` are over; without one the task then fails with `input_expired`.
    Under the id of a budget only that budget asks: what it stopped goes on without a person.
    """

    at: datetime
    lease_number: int | None
    request_id: UUID
    message: Message
    answer_schema: dict[str, JsonValue] | None
    expires_in_seconds: int | None
    default: Message | None
    keeps_lease: bool
    is_id_of_budget: bool = False


def decide_request_input(
    command: RequestInput, task: Task | None
) -> list[TaskInputRequested | WaitBegun | LeaseReleased]:
    """Return the question; refused without lease or room, under a used id, or where no answer could be right."""
    task = require_working_lease(task, command.lease_number)
    require_new_question(task, command.request_id)
    if command.is_id_of_budget:
        raise Conflict("question_exists", "This is the id of a budget: only that asks under it.")
    schema = read_answer_schema(command.answer_schema)
    if command.default is not None:
        _require_expiry(command)
        require_answer(command.default, schema, path="default")
    size = message_size(command.message) + message_size(command.default) + json_size(command.answer_schema)
    require_worker_room(task, size)
    seconds = command.expires_in_seconds
    waiting = Waiting(
        kind="input",
        request_id=command.request_id,
        answer_schema=command.answer_schema,
        expires_at=None if seconds is None else command.at + timedelta(seconds=seconds),
        default=command.default,
        keeps_lease=command.keeps_lease,
    )
    requested = TaskInputRequested(
        attempt=task.attempt,
        request_id=command.request_id,
        message=command.message,
        answer_schema=command.answer_schema,
        expires_at=waiting.expires_at,
        keeps_lease=command.keeps_lease,
    )
    released = [] if command.keeps_lease else [LeaseReleased()]
    return [requested, WaitBegun(waiting=waiting, at=command.at, size=size), *released]


def _require_expiry(command: RequestInput) -> None:
    """Raise Invalid `default_without_expiry` where a default would never answer."""
    if command.expires_in_seconds is None:
        detail = RejectionDetail("default", "default_without_expiry", "needs expires_in_seconds")
        raise Invalid("default_without_expiry", "A default answers when the time is up: say when.", [detail])
