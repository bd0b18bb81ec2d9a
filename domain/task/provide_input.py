"""Answer what a worker asked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from contracts.a2a import Message
from contracts.events import TaskInputProvided
from contracts.record import Record
from domain.budget.state import Budget, require_unspent_budgets
from domain.rejection import Conflict
from domain.task.add_message import MAX_MESSAGE_BYTES
from domain.task.answers import answer_events, read_answer_schema, require_answer
from domain.task.facts import TaskQueued, WorkContinued
from domain.task.sizes import require_room
from domain.task.state import Task, require_open_task

__all__ = ["ProvideInput", "decide_provide_input"]


class ProvideInput(Record):
    """Answer; with `request_id` only that question, so that no late answer meets another one.

    `budgets` are those over the task: while one is spent, no answer lets it go on.
    """

    at: datetime
    message: Message
    request_id: UUID | None
    budgets: tuple[Budget, ...] = ()


def decide_provide_input(
    command: ProvideInput, task: Task | None
) -> Sequence[TaskInputProvided | TaskQueued | WorkContinued]:
    """Return the answer; refused where nothing or something else is asked, or the answer does not fit."""
    task = require_open_task(task)
    if task.waiting is None or task.waiting.kind != "input":
        raise Conflict("nothing_asked", "The task waits for no input.")
    if command.request_id is not None and command.request_id != task.waiting.request_id:
        raise Conflict("other_question", "The task waits for the answer to another question.")
    require_unspent_budgets(command.budgets, command.at)
    require_room(task, command.message, 2 * MAX_MESSAGE_BYTES)
    require_answer(command.message, read_answer_schema(task.waiting.answer_schema), path="message")
    return answer_events(task, task.waiting, command.message, command.at, is_default=False)
