"""Reading a schema: every keyword's shape, every reference's target, and bounds on what checking it may take."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from contracts.json_value import JsonValue
from domain.json_schema.applicators import APPLICATORS
from domain.json_schema.assertions import ASSERTIONS
from domain.json_schema.items import ITEMS
from domain.json_schema.limits import READING_STEPS, Spend, allow_steps
from domain.json_schema.members import MEMBERS
from domain.json_schema.references import find_target, find_value, require_bounds
from domain.json_schema.schema import Pointer, Rule, Schema, SchemaProblem
from domain.json_schema.shapes import NotASchemaError, Place

__all__ = ["read_schema"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ANCHOR: Final = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")


def _definitions(place: Place) -> Rule:
    """`$defs`, or `definitions` as before: schemas that references lead to."""
    return _silent(place, tuple(place.named_children().values()))


def _dialect(place: Place) -> Rule:
    """`$schema`: this one and no other."""
    if place.text().removesuffix("#") != _DIALECT:
        raise place.fault(f"only {_DIALECT} is understood")
    return _silent(place)


def _identifier(place: Place) -> Rule:
    """`$id`: of the whole schema only."""
    if place.pointer:
        raise place.fault("only the whole schema may have an identifier")
    place.text()
    return _silent(place)


def _anchor(place: Place) -> Rule:
    """`$anchor` and `$dynamicAnchor`: names that references lead to."""
    if _ANCHOR.fullmatch(place.text()) is None:
        raise place.fault("must be a name")
    return _silent(place)


def _silent(place: Place, below: tuple[Pointer, ...] = ()) -> Rule:
    """Return the rule that says nothing of values."""
    return Rule(place.name, lambda _checking, _value: (), below)


_READERS: Final[Mapping[str, Callable[[Place], Rule]]] = {
    **ASSERTIONS,
    **APPLICATORS,
    **MEMBERS,
    **ITEMS,
    "$defs": _definitions,
    "definitions": _definitions,
    "$schema": _dialect,
    "$id": _identifier,
    "$anchor": _anchor,
    "$dynamicAnchor": _anchor,
}
"""Whatever else a schema holds is a note, `format` and `content…` too."""

_NEVER: Final = (Rule("false", lambda _checking, _value: (SchemaProblem((), "false", "nothing is allowed here"),)),)


class _Reading(NamedTuple):
    """What is known of a schema so far; `leading` are the references that were not followed yet, with their places."""

    whole: dict[str, JsonValue]
    spend: Spend
    rules: dict[Pointer, tuple[Rule, ...]]
    anchors: dict[str, Pointer]
    targets: dict[str, Pointer]
    leading: list[tuple[str, Pointer, str]]


def read_schema(whole: dict[str, JsonValue]) -> Schema:
    """Return a schema ready for values; raises NotASchemaError, and TooComplexError."""
    reading = _Reading(whole, allow_steps(READING_STEPS), {}, {}, {}, [])
    _read_from(reading, ())
    while reading.leading:
        _follow(reading)
    schema = Schema(reading.rules, reading.targets)
    require_bounds(schema)
    return schema


def _read_from(reading: _Reading, start: Pointer) -> None:
    """Read a schema and all that stand in it, those that were read before left out."""
    waiting: list[tuple[Pointer, Any]] = [(start, find_value(reading.whole, start))]
    while waiting:
        pointer, value = waiting.pop()
        if pointer in reading.rules:
            continue
        reading.rules[pointer] = rules = _read_rules(pointer, value, reading.spend)
        _note_anchors(reading, pointer, value)
        reading.leading.extend((rule.reference, pointer, rule.name) for rule in rules if rule.reference is not None)
        below = (child for rule in rules for child in rule.below)
        waiting.extend((child, find_value(value, child[len(pointer) :])) for child in below)


def _read_rules(pointer: Pointer, schema: JsonValue, spend: Spend) -> tuple[Rule, ...]:
    """Return the rules of one schema."""
    spend(1)
    if not isinstance(schema, dict):
        return () if schema else _NEVER
    spend(len(schema))
    return tuple(_READERS[name](Place(schema, pointer, name, spend)) for name in schema if name in _READERS)


def _note_anchors(reading: _Reading, pointer: Pointer, schema: JsonValue) -> None:
    """Take note of the names that a schema gives itself."""
    if not isinstance(schema, dict):
        return
    for keyword in ("$anchor", "$dynamicAnchor"):
        name = schema.get(keyword)
        if isinstance(name, str) and reading.anchors.setdefault(name, pointer) != pointer:
            raise NotASchemaError((*pointer, keyword), keyword, "another schema in this one has the same name")


def _follow(reading: _Reading) -> None:
    """Follow references, and read what they lead to, which may hold the anchors of others; raises NotASchemaError."""
    leading = [*reading.leading]
    reading.leading.clear()
    left = []
    for reference, pointer, name in leading:
        reading.spend(1)
        target = find_target(reading.whole, reference, reading.anchors)
        if target is None:
            left.append((reference, pointer, name))
        else:
            reading.targets[reference] = target
            _read_from(reading, target)
    if len(left) == len(leading):
        _, pointer, name = left[0]
        message = "leads to nothing in this schema, and nothing else is looked up"
        raise NotASchemaError((*pointer, name), name, message)
    reading.leading.extend(left)
