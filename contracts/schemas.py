"""The contract as JSON Schema (2020-12): one of each event's data, and one of the envelope around it.

Says what a reader may rely on: a field is required where every event of this schema version has it, and fields that a
reader does not know are allowed, because later ones may have some. Bounds are those that the writer kept to.
"""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from contracts.envelope import Envelope
from contracts.events import Event

__all__ = ["DIALECT", "envelope_schema", "event_schema", "schema_name"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAMED_SCHEMAS: Final = ("properties", "$defs")
_LISTED_SCHEMAS: Final = ("anyOf", "allOf", "oneOf", "prefixItems")
_SCHEMAS: Final = ("items", "additionalProperties")
_PYDANTIC_ONLY: Final = frozenset({"decimal_places", "ge", "gt", "max_digits"})
_NULL: Final = {"type": "null"}


class _AsWritten(GenerateJsonSchema):
    """Describes amounts as they stand in an event, always text; the reading side would also take numbers."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:  # noqa: ARG002 - the base's form
        """Return the schema of an amount: a decimal number as text, never rounded by a reader's floats."""
        return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"}


def schema_name(event_type: type[Event]) -> str:
    """Return the name that a schema is filed under: `task.completed.v1`."""
    return f"{event_type.type}.v{event_type.schema_version}"


def event_schema(event_type: type[Event]) -> dict[str, Any]:
    """Return the schema of what stands in `data` of an event of this type."""
    identity = f"urn:bureau:event:{event_type.type}:{event_type.schema_version}"
    return {"$schema": DIALECT, "$id": identity, **_describe(event_type)}


def envelope_schema() -> dict[str, Any]:
    """Return the schema of the envelope; every attribute is always there, `data` is any object."""
    schema = _describe(Envelope)
    return {"$schema": DIALECT, "$id": "urn:bureau:envelope", **schema, "required": sorted(Envelope.model_fields)}


def _describe(model: type[BaseModel]) -> dict[str, Any]:
    return _tidy(model.model_json_schema(schema_generator=_AsWritten))


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without what binds or helps only the writer; nulls are left out when an event is written."""
    tidy = {key: value for key, value in schema.items() if _is_kept(key, value, schema)}
    for key in tidy.keys() & set(_NAMED_SCHEMAS):
        tidy[key] = {name: _tidy(each) for name, each in tidy[key].items()}
    for key in tidy.keys() & set(_LISTED_SCHEMAS):
        tidy[key] = [_tidy(each) for each in tidy[key]]
    for key in tidy.keys() & set(_SCHEMAS):
        tidy[key] = _tidy(tidy[key])
    if "required" in tidy:
        tidy["required"] = [name for name in tidy["required"] if _NULL not in tidy["properties"][name].get("anyOf", ())]
    return tidy


def _is_kept(key: str, value: object, schema: dict[str, Any]) -> bool:
    """Keep titles of records, not those made from fields' names; a reader meets fields that it does not know."""
    if key == "title":
        return "properties" in schema
    return key not in _PYDANTIC_ONLY and not (key == "additionalProperties" and isinstance(value, bool))
