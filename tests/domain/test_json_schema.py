"""JSON Schema from workers: nothing is fetched, nothing runs for ever, nothing breaks the service."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.json_schema import find_schema_errors, require_json_schema
from domain.rejection import Invalid


def rules(value: JsonValue, schema: dict[str, JsonValue]) -> list[str]:
    require_json_schema(schema)
    return [problem.rule for problem in find_schema_errors(value, schema)]


def test_a_reference_to_a_file_is_not_opened(tmp_path: Path) -> None:
    elsewhere = tmp_path / "schema.json"
    elsewhere.write_text('{"type": "string"}')

    assert rules("a string", {"$ref": elsewhere.as_uri()}) == ["$ref"]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema"},
        {"$ref": "#/nothing/here"},
        {"$dynamicRef": "#nowhere"},
        {"$id": "http://[", "$ref": "other"},
    ],
)
def test_a_reference_to_what_the_schema_does_not_hold_fits_nothing(schema: dict[str, JsonValue]) -> None:
    assert rules(1, schema) == ["$ref"]


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$anchor": "a", "allOf": [{"$ref": "#a"}]}])
def test_a_schema_that_refers_to_itself_without_end_fits_nothing(schema: dict[str, JsonValue]) -> None:
    assert rules(1, schema) == ["$ref"]


def test_a_schema_may_refer_to_its_own_parts() -> None:
    tree: dict[str, JsonValue] = {"$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}, "type": "array"}}}

    assert rules([[], [[]]], {**tree, "$ref": "#/$defs/tree"}) == []
    assert rules([[], [1]], {**tree, "$ref": "#/$defs/tree"}) == ["type"]


def test_the_schema_of_schemas_is_at_hand() -> None:
    assert rules({"type": "nope"}, {"$ref": "https://json-schema.org/draft/2020-12/schema"}) == ["anyOf"]


def test_a_number_too_large_to_divide_fits_nothing() -> None:
    assert rules(10**400, {"multipleOf": 0.1}) == ["multipleOf"]


@pytest.mark.parametrize(
    "schema", [{"type": "nope"}, {"pattern": "("}, {"patternProperties": {"[": {}}}, {"minLength": -1}, {"items": 3}]
)
def test_what_is_no_schema_is_refused(schema: dict[str, JsonValue]) -> None:
    with pytest.raises(Invalid) as refusal:
        require_json_schema(schema)
    assert refusal.value.code == "schema_not_valid"


def test_twenty_places_are_told_at_the_most() -> None:
    assert len(find_schema_errors(list(range(100)), {"items": {"type": "string"}})) == 20


_KEYWORDS = st.sampled_from(
    [
        "type",
        "items",
        "properties",
        "$ref",
        "$id",
        "$anchor",
        "enum",
        "const",
        "allOf",
        "not",
        "pattern",
        "multipleOf",
        "minimum",
        "maxLength",
        "required",
        "dependentRequired",
        "unevaluatedProperties",
        "contains",
        "format",
        "$defs",
    ]
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "#", "#/$defs/a", "string", "object", "a", "(", "http://[", "^a+$"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYWORDS | st.just("a"), inner, max_size=3),
    max_leaves=8,
)


@given(schema=st.dictionaries(_KEYWORDS, _JSON, max_size=4), value=_JSON)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_whatever_is_sent_is_refused_or_told(schema: dict[str, JsonValue], value: JsonValue) -> None:
    try:
        require_json_schema(schema)
    except Invalid:
        return
    assert len(find_schema_errors(value, schema)) <= 20
