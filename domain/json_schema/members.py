"""The keywords that hold schemas against the members of an object."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from contracts.json_value import JsonValue
from domain.json_schema.assertions import pattern_of
from domain.json_schema.schema import Checking, Pointer, Rule, SchemaProblem, find_problems
from domain.json_schema.shapes import Place
from domain.json_schema.unevaluated import find_covered
from domain.json_schema.values import shown

__all__ = ["MEMBERS"]

_MEMBERS_A_STEP: Final = 8

type _Pairs = Callable[[Checking, dict[str, JsonValue]], Iterable[tuple[str, Pointer]]]
"""Which schemas the members of an object are held against."""

type _Names = Callable[[Checking, dict[str, JsonValue]], Iterable[str]]
"""Which members of an object are meant."""


def _each(place: Place, below: Iterable[Pointer], pairs: _Pairs) -> Rule:
    """Return the rule that members fit their schemas."""

    def covers(checking: Checking, value: JsonValue) -> Iterable[str]:
        return (name for name, _ in pairs(checking, value)) if isinstance(value, dict) else ()

    def check(checking: Checking, value: JsonValue) -> Iterator[SchemaProblem]:
        if isinstance(value, dict):
            for name, child in pairs(checking, value):
                for problem in find_problems(checking, child, value[name]):
                    yield problem.below(name)

    return Rule(place.name, check, tuple(below), covers=covers)


def _rest(place: Place, names: _Names) -> Rule:
    """Return the rule that the other members fit one schema, or that there are none."""
    child = place.child()
    if place.value is not False:
        return _each(place, (child,), lambda checking, value: ((name, child) for name in names(checking, value)))

    def check(checking: Checking, value: JsonValue) -> Iterable[SchemaProblem]:
        found = list(names(checking, value)) if isinstance(value, dict) else []
        return [SchemaProblem((), place.name, f"must not have {shown(found)}")] if found else ()

    return Rule(place.name, check, (child,))


def _properties(place: Place) -> Rule:
    """`properties`: members by their names."""
    children = place.named_children()

    def pairs(checking: Checking, value: dict[str, JsonValue]) -> Iterable[tuple[str, Pointer]]:
        checking.spend(len(children) // _MEMBERS_A_STEP)
        return ((name, child) for name, child in children.items() if name in value)

    return _each(place, children.values(), pairs)


def _pattern_properties(place: Place) -> Rule:
    """`patternProperties`: members by patterns that their names match."""
    children = place.named_children()
    patterns = [(pattern_of(place, text, text), child) for text, child in children.items()]

    def pairs(checking: Checking, value: dict[str, JsonValue]) -> Iterator[tuple[str, Pointer]]:
        for is_found, child in patterns:
            for name in value:
                checking.spend(1)
                if is_found(name, checking):
                    yield name, child

    return _each(place, children.values(), pairs)


def _additional_properties(place: Place) -> Rule:
    """`additionalProperties`: the members that neither of the two above speaks of."""
    beside = {name: place._replace(name=name) for name in ("properties", "patternProperties") if name in place.schema}
    known = frozenset(beside["properties"].object()) if "properties" in beside else frozenset()
    by_pattern = beside.get("patternProperties")
    patterns = [pattern_of(by_pattern, text, text) for text in by_pattern.object()] if by_pattern else []

    def names(checking: Checking, value: dict[str, JsonValue]) -> Iterator[str]:
        checking.spend(len(value) // _MEMBERS_A_STEP)
        for name in value:
            if name not in known:
                checking.spend(len(patterns))
                if not any(is_found(name, checking) for is_found in patterns):
                    yield name

    return _rest(place, names)


def _unevaluated_properties(place: Place) -> Rule:
    """`unevaluatedProperties`: the members that nothing else in the schema, or in those it fits as well, speaks of."""

    def names(checking: Checking, value: dict[str, JsonValue]) -> Iterable[str]:
        covered = find_covered(checking, place.pointer, value, but=place.name)
        return [name for name in value if name not in covered]

    return _rest(place, names)._replace(covers=lambda _checking, value: value if isinstance(value, dict) else ())


def _property_names(place: Place) -> Rule:
    """`propertyNames`: the names themselves."""
    child = place.child()

    def check(checking: Checking, value: JsonValue) -> Iterator[SchemaProblem]:
        for name in value if isinstance(value, dict) else ():
            for problem in find_problems(checking, child, name):
                yield SchemaProblem((), place.name, f"the name {shown([name])} {problem.message}")

    return Rule(place.name, check, (child,))


MEMBERS: Final[Mapping[str, Callable[[Place], Rule]]] = {
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "unevaluatedProperties": _unevaluated_properties,
    "propertyNames": _property_names,
}
