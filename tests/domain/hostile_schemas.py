"""The worst schemas and answers that were thought of: each took another engine seconds, gigabytes, or for ever."""

from pydantic import JsonValue

__all__ = ["HOSTILE"]

type Hostile = tuple[dict[str, JsonValue], JsonValue]


def _fan(levels: int, width: int) -> dict[str, JsonValue]:
    """Return a schema whose references fan out to width ** levels."""
    levels_below: dict[str, JsonValue] = {
        f"a{level}": {"allOf": [{"$ref": f"#/$defs/a{level + 1}"} for _ in range(width)]} for level in range(levels)
    }
    return {"$ref": "#/$defs/a0", "$defs": {**levels_below, f"a{levels}": {"type": "string"}}}


def _chain(length: int, keyword: str) -> dict[str, JsonValue]:
    """Return schemas that refer to each other in a row."""
    places: list[JsonValue] = [{keyword: {"$ref": f"#/x/{index + 1}"}} for index in range(length)]
    return {"$ref": "#/x/0", "x": [*places, {}]}


def _nested(value: JsonValue, depth: int) -> JsonValue:
    """Return a value in so many lists."""
    for _ in range(depth):
        value = [value]
    return value


def _nested_object(depth: int) -> JsonValue:
    """Return an object in so many objects."""
    value: JsonValue = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def _unevaluated(depth: int) -> dict[str, JsonValue]:
    """Return a schema that asks at each level what those below have covered."""
    schema: dict[str, JsonValue] = {}
    for _ in range(depth):
        schema = {"allOf": [schema], "unevaluatedProperties": False}
    return schema


_SELF: dict[str, JsonValue] = {"$ref": "#"}
_MEMBERS = {f"k{index}": index for index in range(10_000)}
_AB = "abbab" * 200_000

HOSTILE: dict[str, Hostile] = {
    "references that fan out": (_fan(20, 2), 1),
    "references that fan out within the bounds": ({"items": _fan(6, 2), "$defs": _fan(6, 2)["$defs"]}, [1] * 100_000),
    "a long chain for one value": (_chain(2_000, "not"), 1),
    "a long chain of items": (_chain(2_000, "items"), _nested(1, 90)),
    "two ways to the same items": ({"allOf": [{"items": _SELF}, {"items": _SELF}]}, _nested(1, 90)),
    "ways to the same items that fail": (
        {"anyOf": [{"type": "string"}, {"items": _SELF, "minItems": 2}, {"items": _SELF}]},
        _nested(1, 30),
    ),
    "ways to the same members, and what they cover": (
        {"anyOf": [{"properties": {"a": _SELF}}, {"properties": {"a": _SELF}}], "unevaluatedProperties": False},
        _nested_object(40),
    ),
    "unevaluated within unevaluated": (_unevaluated(40), {**_MEMBERS}),
    "deeper than the stack": ({"anyOf": [{"type": "string"}, {"items": _SELF}]}, _nested(1, 95)),
    "a pattern that goes back": ({"pattern": "(a+)+$"}, "a" * 1_000_000 + "b"),
    "a pattern of many states": ({"pattern": "a[ab]{200}[ac]{20}b"}, _AB),
    "a pattern of some states": ({"pattern": r"\b(a|b|é)*a(a|b|é){100}(c|aa){7}b"}, _AB[:1_500]),
    "a pattern that is large when compiled": ({"pattern": r"(\p{L}{100}){30}"}, "a"),
    "patterns that are large when compiled": ({"allOf": [{"pattern": r"\p{L}{4}"}] * 1_000}, "a"),
    "a pattern as long as a body": ({"pattern": "a" * 1_000_000}, "a"),
    "many alternatives": ({"pattern": "|".join(f"a{index}" for index in range(100_000))}, "b"),
    "many patterns for many names": (
        {"patternProperties": {f"^k.{{{index}}}": {} for index in range(25)}, "additionalProperties": False},
        {**_MEMBERS},
    ),
    "names against a pattern": ({"propertyNames": {"pattern": "^[a-z]+[0-9]+$"}}, {**_MEMBERS}),
    "unique objects": ({"uniqueItems": True}, [{"a": index, "b": [index]} for index in range(30_000)]),
    "an enum for many lists": (
        {"items": {"enum": [[index] for index in range(1_000)]}},
        [[index % 1_000] for index in range(50_000)],
    ),
    "a large enum": ({"enum": [[index] for index in range(100_000)]}, 1),
    "large texts to compare": ({"allOf": [{"enum": ["y" * 1_000]}] * 1_000}, "x" * 900_000),
    "huge quotients": ({"items": {"multipleOf": 1e-308}}, [1.7976931348623157e308] * 40_000),
    "many numbers": ({"items": {"type": "integer"}}, [1] * 100_000),
    "many wrong numbers": ({"items": {"type": "integer"}}, ["a"] * 100_000),
    "many ways for many numbers": (
        {"items": {"oneOf": [{"const": index} for index in range(500)]}},
        list(range(10_000)),
    ),
    "many required names": ({"items": {"required": [f"k{i}" for i in range(2_500)]}}, [{**_MEMBERS}] * 6),
    "many properties": ({"items": {"properties": {f"p{i}": True for i in range(1_400)}}}, [{}] * 10_000),
    "contains within contains": (
        {"contains": {"contains": {"contains": {"contains": {"type": "string"}}}}},
        [[[[1] * 20] * 20] * 20] * 20,
    ),
    "a schema as large as a body": ({"properties": {f"p{i}": {"minimum": 1} for i in range(30_000)}}, {}),
    "a schema as deep as a body": (_unevaluated(94), {}),
    "a name as long as a body": ({"additionalProperties": False}, {"k" * 1_000_000: 1}),
}
