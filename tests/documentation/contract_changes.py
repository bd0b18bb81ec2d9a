"""What a change of a JSON Schema means for those who wrote and who read by the old one.

Compatible: every event written by the old schema still conforms to the new one, since the log is read again at each
rebuild, and a reader of the old schema finds every field that it relied on, of the type that it expects.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

__all__ = ["Change", "find_changes"]

type Schema = Mapping[str, Any]

_WORDS: Final = frozenset({"title", "description", "$id", "$schema", "$defs", "examples"})
_LOWER_BOUNDS: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER_BOUNDS: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_COMPARED: Final = frozenset(
    {*_LOWER_BOUNDS, *_UPPER_BOUNDS, "pattern", "enum", "const", "default", "anyOf", "type", "properties", "required"}
    | {"items", "additionalProperties"}
)


class Change(NamedTuple):
    """One difference: the path of the field, such as `data.usage.cost`, what became of it, and whether that hurts."""

    path: str
    what: str
    is_compatible: bool

    def __str__(self) -> str:
        """Return the change as a line for people."""
        return f"{self.path}: {self.what}"


class _Pair(NamedTuple):
    """The old and the new document, in which references are resolved, and those that are compared already above."""

    old: Schema
    new: Schema
    above: frozenset[tuple[str, str]] = frozenset()


def find_changes(old: Schema, new: Schema, path: str) -> list[Change]:
    """Return every difference between two schemas that means something to a machine."""
    return list(_compare(old, new, path, _Pair(old, new)))


def _compare(old: Schema, new: Schema, path: str, pair: _Pair) -> Iterator[Change]:
    references = (str(old.get("$ref", "")), str(new.get("$ref", "")))
    if references in pair.above:
        return
    inner = pair._replace(above=pair.above | {references}) if any(references) else pair
    before, after = _alternatives(old, pair.old), _alternatives(new, pair.new)
    for kind in sorted(before.keys() - after.keys()):
        yield Change(path, f"is no longer {kind}", is_compatible=False)
    for kind in sorted(after.keys() - before.keys()):
        yield Change(path, f"may be {kind}, which no reader expects", is_compatible=False)
    yield from _compare_defaults(old, new, path)
    for kind in sorted(before.keys() & after.keys()):
        yield from _compare_alternative(before[kind], after[kind], path, inner)


def _alternatives(schema: Schema, document: Schema) -> dict[str, Schema]:
    """Return what a value may be, by its kind; several alternatives of one kind are one that is compared as a whole."""
    found: dict[str, Schema] = {}
    for each in schema.get("anyOf", [schema]):
        resolved = _resolve(each, document)
        nested = _alternatives(resolved, document) if "anyOf" in resolved else {_kind(resolved): resolved}
        for kind, alternative in nested.items():
            found[kind] = {"several": [found[kind], alternative]} if kind in found else alternative
    return found


def _resolve(schema: Schema, document: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["$defs"][str(schema["$ref"]).removeprefix("#/$defs/")]
    return schema


def _kind(schema: Schema) -> str:
    kind = str(schema.get("type", "anything"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _compare_defaults(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    if "default" in old and "default" in new and old["default"] != new["default"]:
        yield Change(path, "another default: it is what events without the field mean", is_compatible=False)


def _compare_alternative(old: Schema, new: Schema, path: str, pair: _Pair) -> Iterator[Change]:
    yield from _compare_values(old, new, path)
    yield from _compare_bounds(old, new, path)
    yield from _compare_fields(old, new, path, pair)
    for key, suffix in (("items", "[]"), ("additionalProperties", ".*")):
        if key in old or key in new:
            yield from _compare(old.get(key, {}), new.get(key, {}), f"{path}{suffix}", pair)
    for key in sorted((old.keys() | new.keys()) - _COMPARED - _WORDS - {"$ref", "format"}):
        if json.dumps(old.get(key), sort_keys=True) != json.dumps(new.get(key), sort_keys=True):
            yield Change(path, f"{key} is another", is_compatible=False)


def _compare_values(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    before, after = _values(old), _values(new)
    if after is not None:
        for value in sorted((before or {"any value"}) - after):
            yield Change(path, f"may no longer be {value}", is_compatible=False)
    if before is not None:
        for value in sorted((after or {"any value"}) - before):
            yield Change(path, f"may be {value}, too", is_compatible=True)


def _values(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {json.dumps(schema["const"])}
    return {json.dumps(value) for value in schema["enum"]} if "enum" in schema else None


def _compare_bounds(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    for keys, sign in ((_LOWER_BOUNDS, 1), (_UPPER_BOUNDS, -1)):
        for key in keys:
            before, after = old.get(key), new.get(key)
            if before != after:
                is_looser = after is None or (before is not None and sign * after <= sign * before)
                yield Change(path, f"{key} was {before}, is {after}", is_compatible=is_looser)
    if old.get("pattern") != new.get("pattern"):
        what = f"pattern was {old.get('pattern')}, is {new.get('pattern')}"
        yield Change(path, what, is_compatible=new.get("pattern") is None)


def _compare_fields(old: Schema, new: Schema, path: str, pair: _Pair) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    had, has = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before.keys() - after.keys()):
        yield Change(f"{path}.{name}", "is gone", is_compatible=False)
    for name in sorted(after.keys() - before.keys()):
        words = "is new and required, which events that are written already lack" if name in has else "is new"
        yield Change(f"{path}.{name}", words, is_compatible=name not in has)
    for name in sorted(before.keys() & after.keys()):
        if (name in had) != (name in has):
            words = "is required, which it was not" if name in has else "may be left out, which it could not"
            yield Change(f"{path}.{name}", words, is_compatible=False)
        yield from _compare(before[name], after[name], f"{path}.{name}", pair)
