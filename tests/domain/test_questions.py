"""Questions to people: what no answer could fit is refused at once, and answers that do not fit are told where."""

from uuid import UUID

import pytest
from pydantic import JsonValue

from contracts.a2a import Message, Part, Role
from domain.rejection import Conflict, Invalid
from domain.task import Task
from domain.task.answers import MAX_QUESTIONS
from tests.domain.command_samples import answer, ask
from tests.domain.samples import MESSAGE, existing, queued, started
from tests.domain.scenario import When, given_task, given_this_task

AT_WORK = given_task(*queued(), *started())
SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"size": {"type": "integer", "minimum": 1}, "colours": {"items": {"enum": ["red", "blue"]}}},
    "required": ["size"],
    "additionalProperties": False,
}


def data(*values: JsonValue) -> Message:
    """Return an answer with a text and so much data."""
    parts = (Part(text="here you are"), *(Part(data=value) for value in values))
    return Message(message_id="a-1", role=Role.USER, parts=parts)


def asked(**changes: object) -> When[Task]:
    """Return the answer to a question that was asked at noon."""
    return AT_WORK.when(ask(**changes))  # type: ignore[arg-type] # the changes of a sample


@pytest.mark.parametrize(
    ("message", "places"),
    [
        (data({}), {("message.parts.1.data", "required")}),
        (data({"size": 0}), {("message.parts.1.data.size", "minimum")}),
        (data({"size": True}), {("message.parts.1.data.size", "type")}),
        (data({"size": 1, "colours": ["red", "x"]}), {("message.parts.1.data.colours.1", "enum")}),
        (data({"size": 1, "x": 2}), {("message.parts.1.data", "additionalProperties")}),
        (data(None), {("message.parts.1.data", "type")}),
        (data(), {("message.parts", "one_data_part")}),
        (data({"size": 1}, {"size": 2}), {("message.parts", "one_data_part")}),
        (
            data({"size": 0, "colours": ["x"]}),
            {
                ("message.parts.1.data.size", "minimum"),
                ("message.parts.1.data.colours.0", "enum"),
            },
        ),
    ],
)
def test_an_answer_that_does_not_fit_its_schema_is_refused_with_the_places(
    message: Message, places: set[tuple[str, str]]
) -> None:
    outcome = given_this_task(asked(answer_schema=SCHEMA).after).when(answer(message=message))

    outcome.then_rejected("answer_not_valid", Invalid)
    assert outcome.rejection is not None
    assert {(detail.path, detail.code) for detail in outcome.rejection.details} == places


def test_an_answer_that_fits_its_schema_is_taken() -> None:
    waiting = given_this_task(asked(answer_schema=SCHEMA).after)

    assert waiting.when(answer(message=data({"size": 3, "colours": ["red"]}))).rejection is None


def test_a_schema_that_is_none_is_refused_where_it_is_asked_with() -> None:
    outcome = asked(answer_schema={"properties": {"size": {"type": "number-ish"}}})

    outcome.then_rejected("schema_not_valid", Invalid)
    assert outcome.rejection is not None
    assert [detail.path for detail in outcome.rejection.details] == ["answer_schema.properties.size.type"]


def test_a_default_that_does_not_fit_its_own_schema_is_refused() -> None:
    outcome = asked(answer_schema=SCHEMA, default=data({"size": 0}), expires_in_seconds=5)

    outcome.then_rejected("answer_not_valid", Invalid)
    assert outcome.rejection is not None
    assert [detail.path for detail in outcome.rejection.details] == ["default.parts.1.data.size"]


def test_a_default_that_could_never_answer_is_refused() -> None:
    outcome = asked(default=MESSAGE)

    outcome.then_rejected("default_without_expiry", Invalid)
    assert outcome.rejection is not None
    assert [detail.path for detail in outcome.rejection.details] == ["default"]


def test_nothing_is_asked_twice_under_one_id_whoever_asked_first() -> None:
    answered = given_this_task(given_this_task(asked(keeps_lease=True).after).when(answer()).after)

    answered.when(ask()).then_rejected("question_exists", Conflict)
    assert answered.when(ask(request_id=UUID(int=7))).rejection is None


def test_a_task_asks_a_bounded_number_of_questions() -> None:
    ids = tuple(UUID(int=number) for number in range(MAX_QUESTIONS))
    task = existing(AT_WORK.state)

    full = given_this_task(task.model_copy(update={"asked": ids}))
    full.when(ask()).then_rejected("too_many_questions", Conflict)
    assert given_this_task(task.model_copy(update={"asked": ids[1:]})).when(ask()).rejection is None
