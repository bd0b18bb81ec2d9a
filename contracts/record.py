"""The base of everything that is said: an immutable value that refuses fields it does not know.

Its lists stop at their first error (`FailFast`): a body of a megabyte holds half a million, which take seconds to tell.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["Record", "replace_fields"]


class Record(BaseModel):
    """A frozen value; unknown fields are an error, so a misspelt one never passes silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def replace_fields[AnyRecord: Record](record: AnyRecord, changes: dict[str, Any]) -> AnyRecord:
    """Return a record with other values, unchecked, as `model_copy(update=…)` does, in a fifth of its time."""
    replaced = object.__new__(type(record))
    put = object.__setattr__  # a record refuses its own
    put(replaced, "__dict__", {**record.__dict__, **changes})
    is_set = record.__pydantic_fields_set__  # mostly of all fields, and then nobody needs another set
    put(replaced, "__pydantic_fields_set__", is_set if is_set.issuperset(changes) else is_set | changes.keys())
    put(replaced, "__pydantic_extra__", None)
    put(replaced, "__pydantic_private__", None)
    return replaced
