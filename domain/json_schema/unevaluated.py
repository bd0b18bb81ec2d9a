"""What the `unevaluated` keywords need: which members or items the other rules for the same value speak of."""

from collections.abc import Set as AbstractSet

from contracts.json_value import JsonValue
from domain.json_schema.schema import Checking, Pointer

__all__ = ["find_covered"]

_MEMBERS_A_STEP = 8


def find_covered(checking: Checking, pointer: Pointer, value: JsonValue, *, but: str = "") -> AbstractSet[str | int]:
    """Return the members or items that a schema's rules, all but one, and the schemas that it branches to cover."""
    inner = checking.deeper()
    covered: set[str | int] = set()
    rules = checking.schema.rules[pointer]
    inner.spend(2 + len(rules))
    for rule in rules:
        if rule.name != but:
            covered.update(rule.covers(inner, value))
            for branch in rule.branches(inner, value):
                covered |= find_covered(inner, branch, value)
    inner.spend(len(covered) // _MEMBERS_A_STEP)
    return covered
