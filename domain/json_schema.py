"""JSON Schema (2020-12) for answers. Nothing is fetched: a reference to anything but the schema itself is an error."""

from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import JsonValue
from referencing import Registry
from referencing.exceptions import Unresolvable

from domain.rejection import Invalid, RejectionDetail

__all__ = ["SchemaProblem", "find_schema_errors", "require_json_schema"]

_MAX_ERRORS = 20
_NOTHING_ELSE: Registry[Any] = Registry()
"""Without a registry of its own a validator opens whatever address a reference names, files included."""


class SchemaProblem(NamedTuple):
    """Where a value does not fit: the steps to it, the rule's keyword, and words."""

    steps: tuple[str, ...]
    rule: str
    message: str


def require_json_schema(schema: dict[str, JsonValue]) -> None:
    """Raise Invalid `schema_not_valid` where a schema is none."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = ".".join(("answer_schema", *(str(step) for step in error.absolute_path)))
        detail = RejectionDetail(path, str(error.validator), error.message)
        raise Invalid("schema_not_valid", f"The schema is not valid: {error.message}.", [detail]) from error


def find_schema_errors(value: JsonValue, schema: dict[str, JsonValue]) -> list[SchemaProblem]:
    """Return where a value does not fit a schema, twenty places at the most."""
    validator = Draft202012Validator(schema, registry=_NOTHING_ELSE)
    try:
        errors = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    except Unresolvable as error:
        return [SchemaProblem((), "$ref", f"the schema refers to what it does not hold: {error}")]
    except RecursionError:
        return [SchemaProblem((), "$ref", "the schema refers to itself without end")]
    except ValueError as error:
        return [SchemaProblem((), "$ref", f"the schema refers to an address that is none: {error}")]
    except ArithmeticError:
        return [SchemaProblem((), "multipleOf", "the number is too large for the schema's arithmetic")]
    return [
        SchemaProblem(tuple(str(step) for step in error.absolute_path), str(error.validator), error.message)
        for error in errors[:_MAX_ERRORS]
    ]
