"""JSON Schema from workers: what is no schema is refused at once, nothing is fetched, and problems are told where."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from domain.json_schema import SchemaProblem, find_schema_errors, read_json_schema
from domain.rejection import Invalid


def problems(value: JsonValue, schema: dict[str, JsonValue]) -> list[SchemaProblem]:
    return find_schema_errors(value, read_json_schema(schema, path="schema"), path="value")


def rules(value: JsonValue, schema: dict[str, JsonValue]) -> list[str]:
    return [problem.rule for problem in problems(value, schema)]


def refusal(schema: dict[str, JsonValue]) -> tuple[str, str, str]:
    """Return how a schema is refused: the code, the path, the rule."""
    with pytest.raises(Invalid) as refused:
        read_json_schema(schema, path="schema")
    (detail,) = refused.value.details
    return refused.value.code, detail.path, detail.code


def test_a_reference_to_a_file_is_not_opened(tmp_path: Path) -> None:
    elsewhere = tmp_path / "schema.json"
    elsewhere.write_text('{"type": "string"}')

    assert refusal({"$ref": elsewhere.as_uri()}) == ("schema_not_valid", "schema.$ref", "$ref")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"$ref": "http://127.0.0.1:9/schema"}, "schema.$ref"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "schema.$ref"),
        ({"items": {"$ref": "#/nothing/here"}}, "schema.items.$ref"),
        ({"properties": {"a": {"$dynamicRef": "#nowhere"}}}, "schema.properties.a.$dynamicRef"),
        ({"$id": "http://[", "allOf": [{}, {"$ref": "other"}]}, "schema.allOf.1.$ref"),
        ({"enum": [{"$anchor": "a"}], "not": {"$ref": "#a"}}, "schema.not.$ref"),
        ({"required": ["a"], "$ref": "#/required/0"}, "schema.$ref"),
        ({"allOf": [{}], "$ref": "#/allOf/00"}, "schema.$ref"),
        ({"$ref": "#/%ff"}, "schema.$ref"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused_with_its_place(schema: dict[str, JsonValue], path: str) -> None:
    code, place, rule = refusal(schema)

    assert (code, place) == ("schema_not_valid", path)
    assert rule in {"$ref", "$dynamicRef"}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"$ref": "#"}, "schema.$ref"),
        ({"$ref": ""}, "schema.$ref"),
        ({"$anchor": "a", "allOf": [{"$ref": "#a"}]}, "schema.allOf.0.$ref"),
        ({"$dynamicAnchor": "a", "anyOf": [{"type": "null"}, {"$dynamicRef": "#a"}]}, "schema.anyOf.1.$dynamicRef"),
        ({"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}}}, "schema.$defs."),
    ],
)
def test_a_schema_that_leads_back_to_itself_for_the_same_value_is_refused(
    schema: dict[str, JsonValue], path: str
) -> None:
    code, place, _ = refusal(schema)

    assert code == "schema_not_valid"
    assert place.startswith(path)


def test_a_schema_may_refer_to_its_own_parts() -> None:
    tree: dict[str, JsonValue] = {"$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}, "type": "array"}}}

    assert rules([[], [[]]], {**tree, "$ref": "#/$defs/tree"}) == []
    assert problems([[], [1]], {**tree, "$ref": "#/$defs/tree"}) == [(("1", "0"), "type", "must be array")]


@pytest.mark.parametrize(
    "reference", ["https://example.org/colour#/$defs/a~1b", "#/$defs/a%7E1b", "#red", "#/shared/red", "#/definitions/r"]
)
def test_a_schema_is_known_by_its_identifier_its_anchors_and_pointers(reference: str) -> None:
    schema: dict[str, JsonValue] = {
        "$id": "https://example.org/colour",
        "$defs": {"a/b": {"const": "red", "$anchor": "red"}},
        "definitions": {"r": {"const": "red"}},
        "shared": {"red": {"const": "red"}},
        "$ref": reference,
    }

    assert rules("red", schema) == []
    assert rules("blue", schema) == ["const"]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "nope"}, "type"),
        ({"type": []}, "type"),
        ({"type": ["string", "string"]}, "type"),
        ({"pattern": "("}, "pattern"),
        ({"pattern": 1}, "pattern"),
        ({"patternProperties": {"[": {}}}, "patternProperties.["),
        ({"minLength": -1}, "minLength"),
        ({"maxItems": 1.5}, "maxItems"),
        ({"minimum": True}, "minimum"),
        ({"multipleOf": 0}, "multipleOf"),
        ({"uniqueItems": "yes"}, "uniqueItems"),
        ({"required": ["a", "a"]}, "required"),
        ({"required": "a"}, "required"),
        ({"dependentRequired": {"a": [1]}}, "dependentRequired.a"),
        ({"items": 3}, "items"),
        ({"items": [{}]}, "items"),
        ({"anyOf": []}, "anyOf"),
        ({"allOf": [{}, {"not": 3}]}, "allOf.1.not"),
        ({"properties": []}, "properties"),
        ({"$defs": {"unused": {"properties": {"a": 1}}}}, "$defs.unused.properties.a"),
        ({"enum": 1}, "enum"),
        ({"contains": {}, "minContains": -1}, "minContains"),
        ({"if": {}, "then": 3}, "then"),
        ({"$anchor": "not a name"}, "$anchor"),
        ({"items": {"$anchor": "a"}, "not": {"$anchor": "a"}}, "$anchor"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema"),
        ({"properties": {"a": {"$id": "https://example.org/a"}}}, "properties.a.$id"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(schema: dict[str, JsonValue], path: str) -> None:
    code, place, rule = refusal(schema)

    assert code == "schema_not_valid"
    assert place.removeprefix("schema.").endswith(path)
    assert rule in path


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"enum": ["red", 1]}, "blue", ((), "enum", 'must be one of "red", 1')),
        ({"enum": ["x" * 500, 1]}, 2, ((), "enum", f'must be one of "{"x" * 159}…')),
        ({"required": ["a", "b"]}, {"a": 1}, ((), "required", 'must have "b"')),
        ({"additionalProperties": False}, {"a": 1}, ((), "additionalProperties", 'must not have "a"')),
        ({"properties": {"a": False}}, {"a": 1}, (("a",), "false", "nothing is allowed here")),
        ({"properties": {"a": {"minimum": 3}}}, {"a": 2}, (("a",), "minimum", "must be at least 3")),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ((), "dependentRequired", 'with "a" it must have "b"')),
        (
            {"propertyNames": {"maxLength": 1}},
            {"ab": 1},
            ((), "propertyNames", 'the name "ab" must have at most 1 characters'),
        ),
        ({"multipleOf": 0.1}, 0.35, ((), "multipleOf", "must be a multiple of 0.1")),
        (
            {"contains": {}, "maxContains": 1},
            [1, 2],
            ((), "contains", "must hold 1 or more, and 1 or fewer, items that fit"),
        ),
    ],
)
def test_a_problem_says_what_is_asked_for(
    schema: dict[str, JsonValue], value: JsonValue, problem: tuple[tuple[str, ...], str, str]
) -> None:
    assert problems(value, schema) == [problem]


def test_numbers_are_multiples_as_they_are_written() -> None:
    assert rules(0.3, {"multipleOf": 0.1}) == []
    assert rules(1.7e308, {"multipleOf": 1e-300}) == []


def test_true_is_not_one_and_one_is_one_with_a_point() -> None:
    assert rules([1, True, "1", [1], [True], {"a": 1}, {"a": "1"}], {"uniqueItems": True}) == []
    assert rules([[1], [1.0]], {"uniqueItems": True}) == ["uniqueItems"]
    assert rules(1.0, {"const": 1}) == []
    assert rules([True], {"items": {"enum": [1]}}) == ["enum"]


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        (r"^\d{4}-\d\d$", "2026-11", "2026-1\u0661"),
        (r"^[\w.-]+@[^@]+$", "a.b@c", "é@c"),
        (r"^\S+\s\S+$", "a\ufeffb", "ab"),
        (r"^[[\d]+$", "[1", "a"),
        (r"^[a&&b]+$", "a&", "c"),
        (r"\bcat\b", "a cat", "concat"),
        (r"^(?:a|b){2,}(?<end>c)?$", "abab", "a"),
        (r"^\u00e9\x41\/\p{L}$", "éA/ж", "éA/1"),
        (r"^.{0,3}$", "ab", "abcd"),
        (r"^a$", "a", "a\n"),
    ],
)
def test_patterns_are_those_of_ecmascript(pattern: str, fitting: str, other: str) -> None:
    assert rules(fitting, {"pattern": pattern}) == []
    assert rules(other, {"pattern": pattern}) == ["pattern"]


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", r"(a)\1", "(?i)a", "(?x)a", ")", "a{2", "[b-a]"])
def test_a_pattern_that_would_have_to_go_back_is_refused(pattern: str) -> None:
    assert refusal({"pattern": pattern}) == ("schema_not_valid", "schema.pattern", "pattern")


def test_twenty_places_are_told_at_the_most() -> None:
    assert len(problems(list(range(100)), {"items": {"type": "string"}})) == 20


def test_a_name_that_is_as_long_as_the_body_is_told_in_part() -> None:
    (problem,) = problems({"a" * 1000: 1}, {"additionalProperties": {"type": "string"}})

    assert problem.steps == ("a" * 100,)
