"""The keywords that say something of a value without looking at other schemas."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from contracts.json_value import JsonValue
from domain.json_schema.patterns import Pattern, PatternError, read_pattern
from domain.json_schema.schema import Checking, Rule, SchemaProblem
from domain.json_schema.shapes import Place
from domain.json_schema.values import identity, is_integer, is_multiple, is_number, shown

__all__ = ["ASSERTIONS", "pattern_of"]

_PATTERN_STEPS: Final = 64
"""How much of a pattern's weight, times the length of a text, is searched in a step."""

_DIVISION_STEPS: Final = 8
_MEMBERS_A_STEP: Final = 8

_TYPES: Final[Mapping[str, Callable[[JsonValue], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": is_integer,
    "number": is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}

type _Holds = Callable[[Any, Checking], bool]


def _assertion(place: Place, holds: _Holds, message: str, applies: str | None = None) -> Rule:
    """Return the rule that values of a type (or all) hold something."""
    problems = (SchemaProblem((), place.name, message),)
    is_meant = _TYPES[applies] if applies else None

    def check(checking: Checking, value: JsonValue) -> Iterable[SchemaProblem]:
        is_right = (is_meant is not None and not is_meant(value)) or holds(value, checking)
        return () if is_right else problems

    return Rule(place.name, check)


def pattern_of(place: Place, text: str, *steps: str) -> Callable[[str, Checking], bool]:
    """Return how a text is searched for a pattern, which is paid for."""
    try:
        pattern: Pattern = read_pattern(text)
    except PatternError as error:
        raise place.fault(str(error), *steps) from error
    place.spend(pattern.weight // 2)

    def is_found(value: str, checking: Checking) -> bool:
        checking.spend(pattern.weight * len(value) // _PATTERN_STEPS)
        return pattern.is_found(value)

    return is_found


def _type(place: Place) -> Rule:
    """`type`: one name or several."""
    names = (place.value,) if isinstance(place.value, str) else place.names(place.value)
    if not names or not set(names) <= _TYPES.keys():
        raise place.fault(f"must be one or several of {', '.join(_TYPES)}")
    kinds = [_TYPES[name] for name in names]
    return _assertion(place, lambda value, _: any(kind(value) for kind in kinds), f"must be {' or '.join(names)}")


def _enum(place: Place) -> Rule:
    """`enum`: equal to one of the values."""
    if not isinstance(place.value, list):
        raise place.fault("must be a list")
    identities = frozenset(identity(value, place.spend) for value in place.value)
    message = f"must be one of {shown(place.value)}"
    return _assertion(place, lambda value, checking: identity(value, checking.spend) in identities, message)


def _const(place: Place) -> Rule:
    """`const`: equal to the value."""
    wanted = identity(place.value, place.spend)
    message = f"must be {shown([place.value])}"
    return _assertion(place, lambda value, checking: identity(value, checking.spend) == wanted, message)


def _pattern(place: Place) -> Rule:
    """`pattern`: found somewhere in the text."""
    message = f"must match the pattern {shown([place.text()])}"
    return _assertion(place, pattern_of(place, place.text()), message, "string")


def _unique_items(place: Place) -> Rule:
    """`uniqueItems`: no two items are equal."""
    if not place.flag():
        return Rule(place.name, lambda _checking, _value: ())

    def are_unique(value: list[JsonValue], checking: Checking) -> bool:
        return len({identity(item, checking.spend) for item in value}) == len(value)

    return _assertion(place, are_unique, "must not hold equal items", "array")


def _multiple_of(place: Place) -> Rule:
    """`multipleOf`: as decimal numbers, as both are written."""
    step = place.number()
    if step <= 0:
        raise place.fault("must be more than 0")

    def is_one(value: float, checking: Checking) -> bool:
        checking.spend(_DIVISION_STEPS)
        return is_multiple(value, step)

    return _assertion(place, is_one, f"must be a multiple of {step}", "number")


def _required(place: Place) -> Rule:
    """`required`: the members that an object has."""
    names = place.names(place.value)

    def check(checking: Checking, value: JsonValue) -> Iterable[SchemaProblem]:
        if not isinstance(value, dict):
            return ()
        checking.spend(len(names) // _MEMBERS_A_STEP)
        missing = [name for name in names if name not in value]
        return [SchemaProblem((), place.name, f"must have {shown(missing)}")] if missing else ()

    return Rule(place.name, check)


def _dependent_required(place: Place) -> Rule:
    """`dependentRequired`: the members that an object with a certain one has as well."""
    wanted = {name: place.names(names, name) for name, names in place.object().items()}
    total = sum(map(len, wanted.values())) + len(wanted)

    def check(checking: Checking, value: JsonValue) -> Iterable[SchemaProblem]:
        if not isinstance(value, dict):
            return
        checking.spend(total // _MEMBERS_A_STEP)
        for name, names in wanted.items():
            missing = [other for other in names if name in value and other not in value]
            if missing:
                yield SchemaProblem((), place.name, f"with {shown([name])} it must have {shown(missing)}")

    return Rule(place.name, check)


def _bound(applies: str, words: str, holds: Callable[[Any, Any], bool], *, is_count: bool) -> Callable[[Place], Rule]:
    """Return the reader of a keyword that compares a value, or how long it is, with a number."""

    def read(place: Place) -> Rule:
        limit = place.amount() if is_count else place.number()
        return _assertion(place, lambda value, _: holds(value, limit), words.format(limit), applies)

    return read


ASSERTIONS: Final[Mapping[str, Callable[[Place], Rule]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "uniqueItems": _unique_items,
    "multipleOf": _multiple_of,
    "required": _required,
    "dependentRequired": _dependent_required,
    "maximum": _bound("number", "must be at most {}", lambda value, limit: value <= limit, is_count=False),
    "exclusiveMaximum": _bound("number", "must be less than {}", lambda value, limit: value < limit, is_count=False),
    "minimum": _bound("number", "must be at least {}", lambda value, limit: value >= limit, is_count=False),
    "exclusiveMinimum": _bound("number", "must be more than {}", lambda value, limit: value > limit, is_count=False),
    "maxLength": _bound("string", "must have at most {} characters", lambda v, n: len(v) <= n, is_count=True),
    "minLength": _bound("string", "must have at least {} characters", lambda v, n: len(v) >= n, is_count=True),
    "maxItems": _bound("array", "must have at most {} items", lambda v, n: len(v) <= n, is_count=True),
    "minItems": _bound("array", "must have at least {} items", lambda v, n: len(v) >= n, is_count=True),
    "maxProperties": _bound("object", "must have at most {} members", lambda v, n: len(v) <= n, is_count=True),
    "minProperties": _bound("object", "must have at least {} members", lambda v, n: len(v) >= n, is_count=True),
}
