"""What every event has in common."""

from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel

from contracts.events import EVENT_TYPES, Event


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
def test_a_field_that_may_be_null_may_be_left_out(event_type: type[Event]) -> None:
    # Envelopes are written without nulls, so a null field without a default could be written and never read.
    fields = [(record, name, field) for record in records_in(event_type) for name, field in record.model_fields.items()]
    nullable = [(record, name, field) for record, name, field in fields if type(None) in get_args(field.annotation)]

    assert [(record.__name__, name) for record, name, field in nullable if field.is_required()] == []


def test_the_records_inside_an_event_are_looked_at_too() -> None:
    names = {record.__name__ for record in records_in(EVENT_TYPES["approval.vote_cast"])}

    assert names == {"ApprovalVoteCast", "ApprovalVote"}
    assert {record.__name__ for record in records_in(EVENT_TYPES["task.failed"])} >= {
        "AttemptRecord",
        "Message",
        "Part",
    }


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
def test_an_event_is_named_for_what_it_is_about_and_what_happened(event_type: type[Event]) -> None:
    noun, _, verb = event_type.type.partition(".")

    assert event_type.__name__ == f"{noun}_{verb}".title().replace("_", "")
    assert event_type.__doc__


def records_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the records that an annotation leads to, itself included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from records_in(field.annotation)
    for member in get_args(annotation):
        yield from records_in(member)
