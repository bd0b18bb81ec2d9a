"""What every event has in common."""

import pytest

from contracts.events import EVENT_TYPES, Event


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
def test_a_field_that_may_be_null_may_be_left_out(event_type: type[Event]) -> None:
    # Envelopes are written without nulls, so a null field without a default could be written and never read.
    nullable = [name for name, field in event_type.model_fields.items() if type(None) in _members(field.annotation)]

    assert [name for name in nullable if event_type.model_fields[name].is_required()] == []


def _members(annotation: object) -> tuple[object, ...]:
    return getattr(annotation, "__args__", ())
