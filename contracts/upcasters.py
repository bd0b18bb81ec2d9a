"""Events of older schema versions, brought to the newest by pure functions, one step a version.

An event in the log is never rewritten. Whoever changes the shape of an event's data raises its `schema_version` and
adds a line to `UPCASTERS`: from the old data, as plain JSON, to that of the next version. Readers know the newest only.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from contracts.events.event import Event

__all__ = ["UPCASTERS", "UnknownSchemaVersionError", "Upcaster", "upcast"]

type Upcaster = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes an event's data in one schema version and returns it in the next; changes nothing that it is given."""

UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = MappingProxyType({})
"""By event type and the schema version that a function starts from."""


class UnknownSchemaVersionError(ValueError):
    """The event has a schema version that this release cannot read: a newer one, or one without an upcaster."""


def upcast(event_type: type[Event], version: int, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event's data in the newest schema version; raises UnknownSchemaVersionError."""
    newest = event_type.schema_version
    if version > newest:
        message = f"{event_type.type} has schema version {version}, this release knows {newest}: update it"
        raise UnknownSchemaVersionError(message)
    for step in range(version, newest):
        upcaster = UPCASTERS.get((event_type.type, step))
        if upcaster is None:
            message = f"{event_type.type} has schema version {version}, and no upcaster leads from {step} to {step + 1}"
            raise UnknownSchemaVersionError(message)
        data = upcaster(data)
    return data
