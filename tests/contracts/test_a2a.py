"""A2A's records: what a part may hold, and that everything comes back from JSON as it was."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts.a2a import (
    INTERRUPTED_STATES,
    TERMINAL_STATES,
    AgentCard,
    AgentExtension,
    Artifact,
    Message,
    Part,
    Role,
    TaskState,
)

# Any JSON whose numbers and texts the service keeps.
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


def comes_back(record: BaseModel) -> bool:
    """Tell whether a record is the same after JSON, with nulls and without them."""
    return all(
        type(record).model_validate_json(record.model_dump_json(exclude_none=is_short)) == record
        for is_short in (True, False)
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"text": None},
        {"text": "a", "url": "https://example.org"},
        {"text": "a", "raw": "YQ=="},
        {"raw": "YQ==", "url": "https://example.org"},
        {"text": "a", "data": 1},
        {"text": "a", "data": False},
        {"url": "https://example.org", "data": []},
        {"text": "", "data": {}},
        {"text": "a", "raw": "YQ==", "url": "u", "data": 0},
        {"media_type": "text/plain", "filename": "a.txt"},
    ],
)
def test_a_part_with_no_content_or_with_several_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one of text, raw, url or data"):
        Part.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": ""},
        {"text": "a", "raw": None, "url": None},
        {"text": "a", "data": None},
        {"raw": ""},
        {"raw": base64.b64encode(bytes(range(256))).decode()},
        {"url": "https://example.org/a?b=c"},
        {"data": None},
        {"data": 0},
        {"data": False},
        {"data": ""},
        {"data": []},
        {"data": {"null": None, "list": [None, {"deep": None}]}},
    ],
)
def test_a_part_with_one_content_comes_back_from_json(fields: dict[str, Any]) -> None:
    assert comes_back(Part.model_validate(fields))


def test_data_that_is_an_explicit_null_is_written_even_where_nulls_are_left_out() -> None:
    assert Part(data=None).model_dump_json(exclude_none=True) == '{"data":null}'
    assert json.loads(Part(text="a").model_dump_json(exclude_none=True)) == {"text": "a"}


def test_nulls_inside_data_and_metadata_are_kept_where_nulls_are_left_out() -> None:
    part = Part(data={"a": None}, metadata={"b": None})

    assert json.loads(part.model_dump_json(exclude_none=True)) == {"data": {"a": None}, "metadata": {"b": None}}


@given(_JSON, st.dictionaries(_TEXT, _JSON, max_size=3))
def test_any_data_comes_back_from_json(data: Any, metadata: dict[str, Any]) -> None:  # noqa: ANN401 - any JSON
    assert comes_back(Part(data=data, metadata=metadata))


@given(st.binary(max_size=100))
def test_any_bytes_come_back_from_base64(content: bytes) -> None:
    part = Part(raw=base64.b64encode(content).decode())

    restored = Part.model_validate_json(part.model_dump_json(exclude_none=True)).raw
    assert restored is not None
    assert base64.b64decode(restored) == content


@pytest.mark.parametrize("raw", ["a", "YQ", "YQ=", "YQ==\n", "Y Q==", "_-8=", "YQ==YQ==", "ü", "YQ==="])
def test_raw_that_is_not_base64_is_refused(raw: str) -> None:
    with pytest.raises(ValidationError):
        Part(raw=raw)


@pytest.mark.parametrize("media_type", ["", "text", "text/", "/plain", "text/plain\n", "a b/c", "text/" + "x" * 130])
def test_what_is_not_a_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(ValidationError):
        Part(text="a", media_type=media_type)


@pytest.mark.parametrize("identifier", ["", "a b", "a\n", "ä", "\x7f", "x" * 129])
def test_what_is_not_an_identifier_is_refused(identifier: str) -> None:
    with pytest.raises(ValidationError):
        Message(message_id=identifier, role=Role.USER, parts=(Part(text="a"),))


def test_a_message_needs_a_part_and_at_most_a_hundred() -> None:
    for count in (0, 101):
        with pytest.raises(ValidationError):
            Message(message_id="m", role=Role.USER, parts=(Part(text="a"),) * count)


def test_a_message_with_everything_comes_back_from_json() -> None:
    message = Message(
        message_id="m",
        role=Role.AGENT,
        parts=(Part(text="a", media_type="text/plain; charset=utf-8"), Part(data=None), Part(raw="YQ==", filename="a")),
        context_id="c",
        task_id="t",
        metadata={"k": [1, None]},
        extensions=("https://example.org/x",),
        reference_task_ids=("t-0",),
    )

    assert comes_back(message)
    assert comes_back(Artifact(artifact_id="a", parts=message.parts, name="A", description="", metadata={}))


def test_a_card_comes_back_from_json_with_its_defaults_written_out() -> None:
    extension = AgentExtension(uri="https://example.org/x", params={"a": None})
    card = AgentCard.model_validate(
        {
            "description": "d",
            "provider": {"organization": "o"},
            "supported_interfaces": [{"url": "https://example.org", "protocol_binding": "HTTP+JSON"}],
            "capabilities": {"streaming": True, "extensions": [extension.model_dump()]},
            "skills": [{"id": "s", "name": "S", "tags": ["t"], "input_modes": ["text/*"]}],
        }
    )

    assert comes_back(card)
    assert comes_back(AgentCard())
    assert json.loads(AgentCard().model_dump_json(exclude_none=True))["default_input_modes"] == ["text/plain"]


def test_an_unknown_field_is_refused_at_every_depth() -> None:
    for fields in ({"text": "a", "txt": "b"}, {"text": "a", "__class__": "b"}):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            Part.model_validate(fields)
    with pytest.raises(ValidationError) as refused:
        AgentCard.model_validate({"skills": [{"id": "s", "name": "S", "tag": []}]})
    assert refused.value.errors()[0]["loc"] == ("skills", 0, "tag")


def test_the_states_are_those_of_a2a() -> None:
    active = {TaskState.SUBMITTED, TaskState.WORKING}

    assert {state.value for state in TERMINAL_STATES} == {"completed", "failed", "canceled", "rejected"}
    assert {state.value for state in INTERRUPTED_STATES} == {"input_required", "auth_required"}
    assert active | TERMINAL_STATES | INTERRUPTED_STATES == set(TaskState)
