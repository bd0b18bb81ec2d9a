"""Beside another engine, which is exact and has no bounds: what is a schema, and what fits one."""

from collections.abc import Callable
from random import Random

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from domain.json_schema import find_schema_errors, read_json_schema
from domain.rejection import Invalid

NAMES = ("a", "b", "ab")
SCALARS: tuple[JsonValue, ...] = (None, True, False, -1, 0, 1, 2, 3, 1.0, 0.5, "", "a", "ab", "bb")
TYPES: tuple[JsonValue, ...] = ("string", "integer", "number", "object", "array", ["null", "boolean"])


def value(random: Random, depth: int = 2) -> JsonValue:
    if depth and random.random() < 0.6:
        if random.random() < 0.5:
            return [value(random, depth - 1) for _ in range(random.randint(0, 3))]
        return {name: value(random, depth - 1) for name in NAMES if random.random() < 0.6}
    return random.choice(SCALARS)


def names(random: Random) -> list[str]:
    return [name for name in NAMES if random.random() < 0.4]


def schemas(random: Random, depth: int) -> list[JsonValue]:
    return [schema(random, depth) for _ in range(random.randint(1, 3))]


def by_name(random: Random, depth: int) -> dict[str, JsonValue]:
    return {name: schema(random, depth) for name in names(random)}


def by_pattern(random: Random, depth: int) -> dict[str, JsonValue]:
    return {pattern: schema(random, depth) for pattern in ("^a", "b$") if random.random() < 0.6}


def count(random: Random, _depth: int) -> JsonValue:
    return random.randint(0, 3)


type Make = Callable[[Random, int], JsonValue]

KEYWORDS: dict[str, Make] = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), schemas),
    **dict.fromkeys(("properties", "dependentSchemas"), by_name),
    "patternProperties": by_pattern,
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), count),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), count),
    **dict.fromkeys(("minContains", "maxContains"), count),
    "multipleOf": lambda random, _: random.choice([1, 2, 0.5]),
    "pattern": lambda random, _: random.choice(["^a", "b"]),
    "uniqueItems": lambda random, _: random.random() < 0.7,
    "required": lambda random, _: [*names(random)],
    "dependentRequired": lambda random, _: {name: [*names(random)] for name in names(random)},
    "const": lambda random, _: value(random),
    "enum": lambda random, _: [value(random) for _ in range(random.randint(1, 3))],
    "type": lambda random, _: random.choice(TYPES),
    "$ref": lambda random, _: random.choice(["#/$defs/a", "#/$defs/b", "#b"]),
}


def schema(random: Random, depth: int) -> JsonValue:
    if not depth or random.random() < 0.1:
        return random.random() < 0.6
    chosen = random.sample(sorted(KEYWORDS), random.randint(1, 3))
    for name in ("not", "items", "contains", "propertyNames", "additionalProperties"):
        if random.random() < 0.1:
            chosen.append(name)
    for name in ("unevaluatedProperties", "unevaluatedItems"):
        if random.random() < 0.15:
            chosen.append(name)
    if random.random() < 0.15:
        chosen.extend(("if", "then", "else"))
    return {name: KEYWORDS.get(name, schema)(random, depth - 1) for name in chosen}


def whole_schema(random: Random) -> dict[str, JsonValue]:
    inner = schema(random, 3)
    second = schema(random, 2)
    named: JsonValue = {"$anchor": "b", **second} if isinstance(second, dict) else {"$anchor": "b"}
    return {**(inner if isinstance(inner, dict) else {}), "$defs": {"a": schema(random, 2), "b": named}}


@pytest.mark.parametrize("seed", range(4))
def test_it_decides_as_another_engine_does(seed: int) -> None:
    random = Random(seed)
    decided = {True: 0, False: 0}
    for _ in range(500):
        whole = whole_schema(random)
        try:
            ours = read_json_schema(whole, path="schema")
        except Invalid as refused:
            assert "itself" in refused.message, whole  # noqa: PT017 - most schemas are not refused
            continue
        theirs = Draft202012Validator(whole)
        for _ in range(4):
            candidate = value(random)
            is_right = not find_schema_errors(candidate, ours, path="value")
            assert is_right is theirs.is_valid(candidate), (whole, candidate)
            decided[is_right] += 1
    assert min(decided.values()) > 200


def anything(random: Random, depth: int) -> JsonValue:
    if not depth or random.random() < 0.4:
        return random.choice((*SCALARS, "#", "#/$defs/a", "string", "(", "http://[", "^a+$", 10**30, -0.5))
    if random.random() < 0.4:
        return [anything(random, depth - 1) for _ in range(random.randint(0, 2))]
    return {random.choice(["type", "$ref", "items", "a"]): anything(random, depth - 1) for _ in range(2)}


def test_what_another_engine_takes_for_no_schema_is_none() -> None:
    random = Random(5)
    keywords = sorted(Draft202012Validator.VALIDATORS)
    taken = 0
    for _ in range(4000):
        whole = {name: anything(random, 2) for name in random.sample(keywords, random.randint(1, 2))}
        try:
            read_json_schema(whole, path="schema")
        except Invalid:
            continue
        taken += 1
        theirs = list(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(whole))
        # `format` is a note, and so are the other two without `contains`.
        assert {error.path[0] for error in theirs} <= {"format", "minContains", "maxContains"}, whole
    assert taken > 100
