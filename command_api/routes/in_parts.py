"""One command for many open tasks: a part at a time, each a transaction with a key that follows from the command's."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Final, NamedTuple
from uuid import UUID

from fastapi import Response

from command_api.routes.call import Call, answer_json, carry_out, joined_answer, part_context
from command_api.services.aggregates import Facts
from command_api.services.command_request import Assignment, CommandAnswer, CommandRequest, Outcome, Result
from domain.task import TaskCommand
from infrastructure.work_store import OpenTaskFilter

__all__ = ["ChangeOfMany", "change_in_parts"]

_PART: Final = 200
"""Tasks that one transaction changes."""

_FIRST: Final = UUID(int=0)


class ChangeOfMany(NamedTuple):
    """Which tasks to change, and the name under which the answer lists those that have changed.

    `make_commands` returns a command for each task of a part, in their order, from what was loaded: these tasks, and
    the aggregates `beside` them. A task that refuses is left out.
    """

    chosen: OpenTaskFilter
    make_commands: Callable[[Facts, Sequence[UUID]], Sequence[TaskCommand]]
    answered_as: str
    beside: tuple[UUID, ...] = ()


async def change_in_parts(call: Call, change: ChangeOfMany) -> Response:
    """Change what is chosen, and answer with the ids of the tasks that have changed.

    What a part led to is in its receipt, and whether it was the last: so a replay knows where the end was.
    """
    changed: list[str] = []
    answers: list[CommandAnswer] = []
    after = _FIRST
    for number in count():
        found = await call.services.find_open_tasks(change.chosen, after, _PART + 1)
        request = _part(call, number, change, found[:_PART], is_last=len(found) <= _PART)
        answers.append(await carry_out(request, call))
        changed.extend(answers[-1].result[change.answered_as])
        if answers[-1].result["is_last"]:
            break
        after = after if answers[-1].is_replayed else found[_PART - 1]
    return answer_json(joined_answer(answers), {change.answered_as: changed})


def _part(call: Call, number: int, change: ChangeOfMany, task_ids: Sequence[UUID], *, is_last: bool) -> CommandRequest:
    """Return the command for one part; tasks that ended meanwhile are left out."""

    def prepare(facts: Facts) -> list[Assignment]:
        commands = change.make_commands(facts, task_ids)
        return [Assignment("task", task_id, command) for task_id, command in zip(task_ids, commands, strict=True)]

    def respond(_facts: Facts, outcomes: Sequence[Outcome]) -> Result:
        tasks = [outcome for outcome in outcomes if outcome.assignment.kind == "task" and outcome.events]
        return {change.answered_as: [str(outcome.assignment.aggregate_id) for outcome in tasks], "is_last": is_last}

    return CommandRequest(
        context=part_context(call, number),
        prepare=prepare,
        respond=respond,
        aggregate_ids=[*change.beside, *task_ids],
        is_lenient=True,
    )
