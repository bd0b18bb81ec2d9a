"""A schema that was read: its rules, ready to be held against values."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from contracts.json_value import JsonValue
from domain.json_schema.limits import NESTING, Spend, TooComplexError

__all__ = ["Check", "Checking", "Pointer", "Rule", "Schema", "SchemaProblem", "find_problems", "fits"]

type Pointer = tuple[str, ...]
"""Where a schema stands in the whole one: the steps to it, none for the whole one itself."""


class SchemaProblem(NamedTuple):
    """Where a value does not fit: the steps to it, the rule's keyword, and words."""

    steps: tuple[str, ...]
    rule: str
    message: str

    def below(self, step: str) -> "SchemaProblem":
        """Return the problem as seen from one step above."""
        return self._replace(steps=(step, *self.steps))


class Checking(NamedTuple):
    """A value being held against a schema."""

    schema: "Schema"
    spend: Spend
    depth: int = 0

    def deeper(self) -> "Checking":
        """Return the same for a schema within the one that is checked; raises TooComplexError."""
        if self.depth >= NESTING:
            raise TooComplexError
        return Checking(self.schema, self.spend, self.depth + 1)


type Check = Callable[[Checking, JsonValue], Iterable[SchemaProblem]]
"""Holds a rule against a value; raises TooComplexError."""

type Covers = Callable[[Checking, JsonValue], Iterable[str | int]]
"""Says which members of an object, or items of an array, a rule speaks of: the others are unevaluated."""

type Branches = Callable[[Checking, JsonValue], Iterable[Pointer]]
"""Says which schemas for the same value count, as what they cover is covered too."""


def _nothing(_checking: Checking, _value: JsonValue) -> tuple[()]:
    """Cover nothing, branch nowhere."""
    return ()


class Rule(NamedTuple):
    """One keyword of a schema. `below` are the schemas in it; `same_place` those of them for the very value."""

    name: str
    check: Check
    below: tuple[Pointer, ...] = ()
    same_place: tuple[Pointer, ...] = ()
    covers: Covers = _nothing
    branches: Branches = _nothing
    reference: str | None = None


class Schema(NamedTuple):
    """The rules of a schema and of all schemas in it, and where its references lead."""

    rules: Mapping[Pointer, tuple[Rule, ...]]
    targets: Mapping[str, Pointer]


def find_problems(checking: Checking, pointer: Pointer, value: JsonValue) -> Iterator[SchemaProblem]:
    """Return where a value does not fit one of the schemas, one after the other; raises TooComplexError."""
    inner = checking.deeper()
    rules = checking.schema.rules[pointer]
    inner.spend(2 + len(rules))
    for rule in rules:
        yield from rule.check(inner, value)


def fits(checking: Checking, pointer: Pointer, value: JsonValue) -> bool:
    """Tell whether a value fits one of the schemas; raises TooComplexError."""
    return next(find_problems(checking, pointer, value), None) is None
