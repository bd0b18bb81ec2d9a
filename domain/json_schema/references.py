"""Where references lead, and that they do not lead on for ever. A schema is one resource: nothing else is known."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from contracts.json_value import JsonValue
from domain.json_schema.limits import LONGEST_CHAIN, SAME_PLACE, TooComplexError
from domain.json_schema.schema import Pointer, Rule, Schema
from domain.json_schema.shapes import NotASchemaError

__all__ = ["find_target", "find_value", "require_bounds"]

_PERCENT: Final = re.compile(rb"%([0-9A-Fa-f]{2})")

type _Extent = tuple[int, int]
"""How many schemas one leads to for the same value, itself among them, and how many in a row at the most."""


def find_target(whole: Mapping[str, JsonValue], reference: str, anchors: Mapping[str, Pointer]) -> Pointer | None:
    """Return where a reference leads: a JSON pointer, or an anchor of those that are known; None where to nothing."""
    base, _, fragment = reference.partition("#")
    if base and base != str(whole.get("$id", "")).removesuffix("#"):
        return None
    try:
        fragment = _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), fragment.encode()).decode()
    except UnicodeError:
        return None
    if fragment and not fragment.startswith("/"):
        return anchors.get(fragment)
    pointer = tuple(step.replace("~1", "/").replace("~0", "~") for step in fragment.split("/")[1:])
    return pointer if isinstance(find_value(whole, pointer), dict | bool) else None


def find_value(value: JsonValue | Mapping[str, JsonValue], pointer: Pointer) -> JsonValue | Mapping[str, JsonValue]:
    """Return what stands so many steps below a value, None where nothing does."""
    for step in pointer:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value) and str(int(step)) == step:
            value = value[int(step)]
        else:
            return None
    return value


def require_bounds(schema: Schema) -> None:
    """Raise NotASchemaError where a schema leads back to itself for the same value, TooComplexError where to too many.

    Every value could only be refused: checking it would never end, or take too long.
    """
    known: dict[Pointer, _Extent] = {}
    for pointer in schema.rules:
        _measure(schema, pointer, known, ())


def _measure(schema: Schema, pointer: Pointer, known: dict[Pointer, _Extent], above: tuple[Pointer, ...]) -> _Extent:
    """Return the extent of a schema, which those above lead to; each is measured once."""
    if pointer not in known:
        if len(above) > LONGEST_CHAIN:
            raise TooComplexError
        extents = []
        for rule, child in _same_place(schema, pointer):
            if child == pointer or child in above:
                message = "leads back to itself without end"
                raise NotASchemaError((*pointer, rule.name), rule.name, message)
            extents.append(_measure(schema, child, known, (*above, pointer)))
        known[pointer] = (
            1 + sum(count for count, _ in extents),
            1 + max((length for _, length in extents), default=0),
        )
    count, length = known[pointer]
    if count > SAME_PLACE or length > LONGEST_CHAIN:
        raise TooComplexError
    return count, length


def _same_place(schema: Schema, pointer: Pointer) -> Iterator[tuple[Rule, Pointer]]:
    """Return the schemas that one leads to for the same value, and the rules that do."""
    for rule in schema.rules[pointer]:
        for child in rule.same_place:
            yield rule, child
        if rule.reference is not None:
            yield rule, schema.targets[rule.reference]
