"""The keywords that hold other schemas against the very same value."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from contracts.json_value import JsonValue
from domain.json_schema.schema import Checking, Pointer, Rule, SchemaProblem, find_problems, fits
from domain.json_schema.shapes import Place

__all__ = ["APPLICATORS"]

_MEMBERS_A_STEP: Final = 8


def _to_all(place: Place) -> Rule:
    """`allOf`: it fits all of them."""
    children = place.children()

    def check(checking: Checking, value: JsonValue) -> Iterator[SchemaProblem]:
        for child in children:
            yield from find_problems(checking, child, value)

    return Rule(place.name, check, children, children, branches=lambda _checking, _value: children)


def _to_some(place: Place) -> Rule:
    """`anyOf` and `oneOf`: it fits one at least, or exactly one."""
    children = place.children()
    is_one = place.name == "oneOf"
    words = f"must fit {'exactly one' if is_one else 'one'} of {len(children)} schemas"

    def fitting(checking: Checking, value: JsonValue) -> Iterator[Pointer]:
        return (child for child in children if fits(checking, child, value))

    def check(checking: Checking, value: JsonValue) -> Iterable[SchemaProblem]:
        found = fitting(checking, value)
        if next(found, None) is None:
            return [SchemaProblem((), place.name, f"{words}, and fits none")]
        if is_one and next(found, None) is not None:
            return [SchemaProblem((), place.name, f"{words}, and fits several")]
        return ()

    return Rule(place.name, check, children, children, branches=fitting)


def _not(place: Place) -> Rule:
    """`not`: it doesn't fit."""
    child = place.child()

    def check(checking: Checking, value: JsonValue) -> Iterable[SchemaProblem]:
        is_fit = fits(checking, child, value)
        return [SchemaProblem((), place.name, "must not fit the schema, and does")] if is_fit else ()

    return Rule(place.name, check, (child,), (child,))


def _if(place: Place) -> Rule:
    """`if`, `then`, `else`: what it fits says what else it must fit."""
    condition = place.child()
    ways = {name: place._replace(name=name).child() for name in ("then", "else") if name in place.schema}

    def branches(checking: Checking, value: JsonValue) -> Iterator[Pointer]:
        is_fit = fits(checking, condition, value)
        if is_fit:
            yield condition
        way = ways.get("then" if is_fit else "else")
        if way is not None:
            yield way

    def check(checking: Checking, value: JsonValue) -> Iterator[SchemaProblem]:
        way = ways.get("then" if fits(checking, condition, value) else "else")
        if way is not None:
            yield from find_problems(checking, way, value)

    everything = (condition, *ways.values())
    return Rule(place.name, check, everything, everything, branches=branches)


def _reference(place: Place) -> Rule:
    """`$ref` and `$dynamicRef`: it fits what stands elsewhere. A schema of one resource has one of each anchor."""
    reference = place.text()

    def branches(checking: Checking, _value: JsonValue) -> Iterator[Pointer]:
        yield checking.schema.targets[reference]

    def check(checking: Checking, value: JsonValue) -> Iterator[SchemaProblem]:
        return find_problems(checking, checking.schema.targets[reference], value)

    return Rule(place.name, check, branches=branches, reference=reference)


def _dependent_schemas(place: Place) -> Rule:
    """`dependentSchemas`: an object with a certain member fits this too."""
    children = place.named_children()

    def branches(checking: Checking, value: JsonValue) -> Iterator[Pointer]:
        if isinstance(value, dict):
            checking.spend(len(children) // _MEMBERS_A_STEP)
            yield from (child for name, child in children.items() if name in value)

    def check(checking: Checking, value: JsonValue) -> Iterator[SchemaProblem]:
        for child in branches(checking, value):
            yield from find_problems(checking, child, value)

    below = tuple(children.values())
    return Rule(place.name, check, below, below, branches=branches)


APPLICATORS: Final[Mapping[str, Callable[[Place], Rule]]] = {
    "allOf": _to_all,
    "anyOf": _to_some,
    "oneOf": _to_some,
    "not": _not,
    "if": _if,
    "$ref": _reference,
    "$dynamicRef": _reference,
    "dependentSchemas": _dependent_schemas,
}
