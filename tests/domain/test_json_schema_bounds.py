"""No schema and no answer takes long, whoever thought it out: what would is refused, and always the same is."""

import time
from typing import Any

import pytest
from pydantic import BaseModel, JsonValue

from domain.json_schema import find_schema_errors, read_json_schema
from domain.rejection import Invalid
from tests.domain.hostile_schemas import HOSTILE

LONGEST_SECONDS = 0.25
"""Of the processor; alone on it the worst takes a tenth to a fifth of that."""


def outcome(schema: dict[str, JsonValue], value: JsonValue) -> str | int:
    """Return the code of the refusal, or how many problems were found."""
    try:
        problems = find_schema_errors(value, read_json_schema(schema, path="schema"), path="value")
    except Invalid as refusal:
        told = refusal
    else:
        return len(problems)
    assert sum(len(detail.path) + len(detail.message) for detail in told.details) < 1_000
    return told.code


@pytest.mark.parametrize("name", HOSTILE)
def test_the_worst_schemas_and_answers_take_no_time(name: str) -> None:
    schema, value = HOSTILE[name]
    found = outcome(schema, value)
    took = []
    for _ in range(3):
        began = time.process_time()
        again = outcome(schema, value)
        took.append(time.process_time() - began)
        assert again == found

    assert min(took) < LONGEST_SECONDS, f"{min(took) * 1000:.0f} ms: {found}"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("references that fan out", "schema_too_complex"),
        ("a long chain for one value", "schema_too_complex"),
        ("a pattern that is large when compiled", "schema_not_valid"),
        ("a large enum", "schema_too_complex"),
        ("a schema as large as a body", "schema_too_complex"),
        ("two ways to the same items", "answer_too_complex"),
        ("deeper than the stack", "answer_too_complex"),
        ("a pattern of many states", "answer_too_complex"),
        ("unique objects", "answer_too_complex"),
        ("many numbers", "answer_too_complex"),
        ("many wrong numbers", 20),
        ("references that fan out within the bounds", 20),
    ],
)
def test_what_would_take_too_long_is_refused_by_its_own_code(name: str, code: str | int) -> None:
    assert outcome(*HOSTILE[name]) == code


def test_ordinary_answers_of_hundreds_of_records_are_checked() -> None:
    record: dict[str, JsonValue] = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}$"},
            "amount": {"type": "number", "minimum": 0, "multipleOf": 0.01},
            "day": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
            "tags": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "uniqueItems": True},
        },
        "required": ["id", "amount"],
        "additionalProperties": False,
    }
    one: dict[str, JsonValue] = {"id": "0123abcd-01ef", "amount": 12.34, "day": "2026-11-22", "tags": ["red", "blue"]}

    assert outcome({"type": "array", "items": record}, [one] * 200) == 0


class Expression(BaseModel):
    """A type that holds itself in several ways, as programs declare them."""

    left: "Expression | Sum | int"
    right: "Expression | Sum | int | None" = None


class Sum(BaseModel):
    terms: list[Expression | int]


def test_types_that_hold_themselves_are_taken() -> None:
    schema: dict[str, Any] = Expression.model_json_schema()
    value: JsonValue = 1
    for _ in range(8):
        value = {"left": value, "right": {"terms": [1, {"left": 2}]}}

    assert outcome(schema, value) == 0
    assert outcome(schema, {"left": "one"}) == 1


def test_notes_of_any_length_are_free() -> None:
    schema: dict[str, JsonValue] = {"type": "string", "description": "d" * 500_000, "examples": ["e"] * 50_000}

    assert outcome(schema, "a") == 0
