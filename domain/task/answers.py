"""Answers to a worker's question: what they must be like, and what they set going."""

from datetime import datetime

from pydantic import JsonValue

from contracts.a2a import Message
from contracts.events import TaskInputProvided
from domain.json_schema import find_schema_errors
from domain.rejection import Invalid, RejectionDetail
from domain.task.facts import TaskQueued, WorkContinued
from domain.task.state import Task, Waiting

__all__ = ["answer_events", "go_on", "require_answer"]


def require_answer(message: Message, schema: dict[str, JsonValue] | None, *, path: str) -> None:
    """Raise Invalid `answer_not_valid` where a schema is asked for and the answer's data does not fit it.

    With a schema an answer has exactly one data part, and that is what must fit.
    """
    if schema is None:
        return
    data = [(index, part.data) for index, part in enumerate(message.parts) if part.is_data]
    if len(data) != 1:
        detail = RejectionDetail(f"{path}.parts", "one_data_part", "an answer to a schema has exactly one data part")
        raise Invalid("answer_not_valid", "The answer needs exactly one data part.", [detail])
    index, value = data[0]
    errors = find_schema_errors(value, schema)
    if not errors:
        return
    details = [
        RejectionDetail(".".join((f"{path}.parts.{index}.data", *error.steps)), error.rule, error.message)
        for error in errors
    ]
    raise Invalid("answer_not_valid", f"The answer does not fit the schema: {details[0].message}.", details)


def answer_events(
    task: Task, waiting: Waiting, message: Message, at: datetime, *, is_default: bool
) -> list[TaskInputProvided | TaskQueued | WorkContinued]:
    """Return the answer, and the way back to a worker where the lease was given up."""
    provided = TaskInputProvided(
        request_id=waiting.request_id, ordinal=task.messages + 1, message=message, is_default=is_default
    )
    return [provided, go_on(task, at)]


def go_on(task: Task, at: datetime) -> TaskQueued | WorkContinued:
    """Return the way back to work: to any worker, not before a retry's delay is over, or to the one with the lease."""
    return TaskQueued(ready_at=max(at, task.ready_at)) if task.lease is None else WorkContinued(at=at)
