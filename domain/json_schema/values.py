"""JSON values compared as JSON Schema has it: 1 is 1.0, and true is not 1."""

import json
from collections.abc import Sequence
from fractions import Fraction

from contracts.json_value import JsonValue
from domain.json_schema.limits import Spend

__all__ = ["identity", "is_integer", "is_multiple", "is_number", "pay_for", "shown"]

_LONGEST_WORDS = 160
_CHARACTERS_A_STEP = 64


def is_number(value: JsonValue) -> bool:
    """Tell whether a value is a number; to Python true is one as well."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: JsonValue) -> bool:
    """Tell whether a value is a whole number, as 1.0 is."""
    return value.is_integer() if isinstance(value, float) else isinstance(value, int) and not isinstance(value, bool)


def is_multiple(value: float, step: float) -> bool:
    """Tell whether a number is a multiple of another, both as they are written: 0.3 is one of 0.1."""
    return (Fraction(repr(value)) / Fraction(repr(step))).denominator == 1


def pay_for(value: JsonValue, spend: Spend) -> None:
    """Spend a step on each value in a value, and on every 64 characters of its texts."""
    if isinstance(value, str):
        spend(1 + len(value) // _CHARACTERS_A_STEP)
    elif isinstance(value, list):
        spend(1)
        for item in value:
            pay_for(item, spend)
    elif isinstance(value, dict):
        spend(1)
        for name, item in value.items():
            pay_for(name, spend)
            pay_for(item, spend)
    else:
        spend(1)


def identity(value: JsonValue, spend: Spend) -> str:
    """Return a text that is the same for equal values only. Its hash is no one's to choose, as that of a tuple is."""
    pay_for(value, spend)
    if isinstance(value, str):
        return f'"{value}'
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def _plain(value: JsonValue) -> JsonValue:
    """Return a value with its whole numbers written in one way."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**64 else value


def shown(values: Sequence[JsonValue]) -> str:
    """Return values as words of bounded length."""
    words = ""
    for value in values:
        text = json.dumps(value[:_LONGEST_WORDS] if isinstance(value, str) else value, ensure_ascii=False)
        if len(words) + len(text) > _LONGEST_WORDS:
            return f"{words}, …" if words else f"{text[:_LONGEST_WORDS]}…"
        words = f"{words}, {text}" if words else text
    return words
