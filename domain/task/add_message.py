"""Say something more to a task that is not over."""

from datetime import datetime

from contracts.a2a import Message
from contracts.events import TaskMessageAdded
from contracts.record import Record
from domain.rejection import Conflict
from domain.task.sizes import require_room
from domain.task.state import Task, require_open_task

__all__ = ["MAX_MESSAGES", "MAX_MESSAGE_BYTES", "AddMessage", "decide_add_message"]

MAX_MESSAGES = 10_000
"""Messages to one task's workers at the most."""

MAX_MESSAGE_BYTES = 16 * 2**20
"""How large those behind the first may be together; answers find as much room again, so that nobody's messages keep
them out."""


class AddMessage(Record):
    """Queue a message for the worker; it gets it at its next lease or heartbeat, in order."""

    at: datetime
    message: Message


def decide_add_message(command: AddMessage, task: Task | None) -> list[TaskMessageAdded]:
    """Return the message in its place; refused where the task is over."""
    task = require_open_task(task)
    if task.messages >= MAX_MESSAGES:
        raise Conflict("too_many_messages", f"A task takes {MAX_MESSAGES} messages at the most.")
    require_room(task, command.message, MAX_MESSAGE_BYTES)
    return [TaskMessageAdded(ordinal=task.messages + 1, message=command.message)]
