"""The keywords that hold schemas against the items of a list."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from contracts.json_value import JsonValue
from domain.json_schema.schema import Checking, Pointer, Rule, SchemaProblem, find_problems, fits
from domain.json_schema.shapes import Place
from domain.json_schema.unevaluated import find_covered

__all__ = ["ITEMS"]

type _Pairs = Callable[[Checking, list[JsonValue]], Iterable[tuple[int, Pointer]]]
"""Which schemas the items of a list are held against."""


def _each(place: Place, below: Iterable[Pointer], pairs: _Pairs) -> Rule:
    """Return the rule that items fit their schemas."""

    def covers(checking: Checking, value: JsonValue) -> Iterable[int]:
        return (index for index, _ in pairs(checking, value)) if isinstance(value, list) else ()

    def check(checking: Checking, value: JsonValue) -> Iterator[SchemaProblem]:
        if isinstance(value, list):
            for index, child in pairs(checking, value):
                for problem in find_problems(checking, child, value[index]):
                    yield problem.below(str(index))

    return Rule(place.name, check, tuple(below), covers=covers)


def _prefix_items(place: Place) -> Rule:
    """`prefixItems`: the first items, each by its place."""
    children = place.children()
    return _each(place, children, lambda _, value: zip(range(len(value)), children, strict=False))


def _items(place: Place) -> Rule:
    """`items`: those behind `prefixItems`."""
    child = place.child()
    first = len(place._replace(name="prefixItems").children()) if "prefixItems" in place.schema else 0
    return _each(place, (child,), lambda _, value: ((index, child) for index in range(first, len(value))))


def _unevaluated_items(place: Place) -> Rule:
    """`unevaluatedItems`: those that nothing else in the schema, or in those it fits as well, speaks of."""
    child = place.child()

    def pairs(checking: Checking, value: list[JsonValue]) -> list[tuple[int, Pointer]]:
        covered = find_covered(checking, place.pointer, value, but=place.name)
        return [(index, child) for index in range(len(value)) if index not in covered]

    rule = _each(place, (child,), pairs)
    return rule._replace(covers=lambda _checking, value: range(len(value)) if isinstance(value, list) else ())


def _contains(place: Place) -> Rule:
    """`contains`: so many items fit, from `minContains` (else one) to `maxContains`."""
    child = place.child()
    bounds = {
        name: place._replace(name=name).amount() for name in ("minContains", "maxContains") if name in place.schema
    }
    least, most = bounds.get("minContains", 1), bounds.get("maxContains")
    words = f"must hold {least} or more" + ("" if most is None else f", and {most} or fewer,") + " items that fit"

    def fitting(checking: Checking, value: JsonValue) -> Iterator[int]:
        items = value if isinstance(value, list) else []
        return (index for index, item in enumerate(items) if fits(checking, child, item))

    def check(checking: Checking, value: JsonValue) -> Iterable[SchemaProblem]:
        if not isinstance(value, list):
            return ()
        enough = max(least, 0 if most is None else most + 1)
        found = sum(1 for _ in islice(fitting(checking, value), enough))
        is_right = found >= least and (most is None or found <= most)
        return () if is_right else [SchemaProblem((), place.name, words)]

    return Rule(place.name, check, (child,), covers=fitting)


ITEMS: Final[Mapping[str, Callable[[Place], Rule]]] = {
    "prefixItems": _prefix_items,
    "items": _items,
    "unevaluatedItems": _unevaluated_items,
    "contains": _contains,
}
