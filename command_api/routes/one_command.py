"""One command on one aggregate that exists: most of what routes do."""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from fastapi import Response

from command_api.routes.call import Call, answer_json, carry_out
from command_api.services.aggregates import Command, Facts
from command_api.services.command_request import Assignment, CommandRequest, Outcome, Result

__all__ = ["Target", "change_one", "single_request"]


class Target(NamedTuple):
    """The aggregate that a command is for, and the ids of those that it looks at beside it."""

    kind: str
    aggregate_id: UUID
    beside: Sequence[UUID] = ()


def single_request(
    call: Call,
    target: Target,
    make_command: Callable[[Facts], Command],
    respond: Callable[[Facts, Sequence[Outcome]], Result],
) -> CommandRequest:
    """Return the request for one command on one aggregate."""
    return CommandRequest(
        context=call.context,
        prepare=lambda facts: [Assignment(target.kind, target.aggregate_id, make_command(facts))],
        respond=respond,
        aggregate_ids=[target.aggregate_id, *target.beside],
    )


async def change_one(
    call: Call,
    target: Target,
    make_command: Callable[[Facts], Command],
    respond: Callable[[Facts, Sequence[Outcome]], Result],
) -> Response:
    """Carry out one command on one aggregate, and answer with its result."""
    answer = await carry_out(single_request(call, target, make_command, respond), call)
    return answer_json(answer, answer.result)
