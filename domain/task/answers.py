"""Questions to people and their answers: what they must be like, and what they set going."""

from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.a2a import Message
from contracts.events import TaskInputProvided
from contracts.json_value import JsonValue
from domain.json_schema import Schema, find_schema_errors, read_json_schema
from domain.rejection import Conflict, Invalid, RejectionDetail
from domain.task.facts import TaskQueued, WorkContinued
from domain.task.state import Task, Waiting

__all__ = ["answer_events", "go_on", "read_answer_schema", "require_answer", "require_new_question"]

MAX_QUESTIONS: Final = 1_000


def require_new_question(task: Task, request_id: UUID) -> None:
    """Raise Conflict `question_exists`, or `too_many_questions`: an answer must tell by its id what it answers."""
    if request_id in task.asked:
        raise Conflict("question_exists", "The task has asked under this id; the answer is among its lease's answers.")
    if len(task.asked) >= MAX_QUESTIONS:
        raise Conflict("too_many_questions", f"A task asks {MAX_QUESTIONS} times at the most, approvals included.")


def read_answer_schema(schema: dict[str, JsonValue] | None) -> Schema | None:
    """Return what answers must fit, if anything; raises Invalid `schema_not_valid` or `schema_too_complex`."""
    return None if schema is None else read_json_schema(schema, path="answer_schema")


def require_answer(message: Message, schema: Schema | None, *, path: str) -> None:
    """Raise Invalid `answer_not_valid` where a schema is asked for and the answer's data does not fit it.

    Raises it with `answer_too_complex` where finding out takes too long.

    With a schema an answer has exactly one data part, and that is what must fit.
    """
    if schema is None:
        return
    data = [(index, part.data) for index, part in enumerate(message.parts) if part.is_data]
    if len(data) != 1:
        detail = RejectionDetail(f"{path}.parts", "one_data_part", "an answer to a schema has exactly one data part")
        raise Invalid("answer_not_valid", "The answer needs exactly one data part.", [detail])
    index, value = data[0]
    place = f"{path}.parts.{index}.data"
    errors = find_schema_errors(value, schema, path=place)
    if not errors:
        return
    details = [RejectionDetail(".".join((place, *error.steps)), error.rule, error.message) for error in errors]
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
