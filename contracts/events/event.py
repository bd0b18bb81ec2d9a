"""The base of every event: a fact in the past tense, with the name and schema version it goes by."""

from typing import ClassVar

from contracts.record import Record

__all__ = ["Event"]


class Event(Record):
    """A fact. `type` is noun, dot, past tense; `schema_version` goes up when the shape of the data changes."""

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1
