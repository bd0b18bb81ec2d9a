"""What the keywords of a schema must be like themselves."""

from collections.abc import Mapping
from typing import NamedTuple

from contracts.json_value import JsonValue
from domain.json_schema.limits import Spend
from domain.json_schema.schema import Pointer

__all__ = ["NotASchemaError", "Place"]


class NotASchemaError(Exception):
    """A schema is none: where, which keyword, and words."""

    def __init__(self, steps: tuple[str, ...], rule: str, message: str) -> None:
        """Keep what is told."""
        super().__init__(message)
        self.steps = steps
        self.rule = rule
        self.message = message


class Place(NamedTuple):
    """A keyword of a schema that is being read. What it asks for is returned, or NotASchemaError raised."""

    schema: Mapping[str, JsonValue]
    pointer: Pointer
    name: str
    spend: Spend

    @property
    def value(self) -> JsonValue:
        """What the keyword says."""
        return self.schema[self.name]

    def fault(self, message: str, *steps: str) -> NotASchemaError:
        """Return the error that says what is wrong here, or some steps below."""
        return NotASchemaError((*self.pointer, self.name, *steps), self.name, message)

    def text(self) -> str:
        """What it says, which is no number, list or object."""
        if not isinstance(self.value, str):
            raise self.fault("must be a text")
        return self.value

    def number(self) -> float:
        """A float or an int, and no boolean."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.fault("must be a number")
        return self.value

    def amount(self) -> int:
        """A whole number from 0 on; 2.0 is one too."""
        number = self.number()
        if number < 0 or number != number // 1:
            raise self.fault("must be a whole number, 0 or more")
        return int(number)

    def flag(self) -> bool:
        """A boolean."""
        if not isinstance(self.value, bool):
            raise self.fault("must be true or false")
        return self.value

    def names(self, value: JsonValue, *steps: str) -> tuple[str, ...]:
        """Different texts in a list."""
        names = value if isinstance(value, list) else [None]
        self.spend(len(names))
        texts = tuple(name for name in names if isinstance(name, str))
        if len(texts) != len(names) or len(set(texts)) != len(texts):
            raise self.fault("must be a list of different texts", *steps)
        return texts

    def object(self) -> Mapping[str, JsonValue]:
        """What it says by names."""
        if not isinstance(self.value, dict):
            raise self.fault("must be an object")
        return self.value

    def child(self) -> Pointer:
        """A schema."""
        return self._child(self.value)

    def children(self) -> tuple[Pointer, ...]:
        """Schemas in a list, one at least."""
        if not isinstance(self.value, list) or not self.value:
            raise self.fault("must be a list of schemas, and not empty")
        self.spend(len(self.value))
        return tuple(self._child(child, str(index)) for index, child in enumerate(self.value))

    def named_children(self) -> dict[str, Pointer]:
        """Schemas by names."""
        children = self.object()
        self.spend(len(children))
        return {name: self._child(child, name) for name, child in children.items()}

    def _child(self, value: JsonValue, *steps: str) -> Pointer:
        """Return where a schema stands."""
        if not isinstance(value, dict | bool):
            raise self.fault("must be a schema: an object, or true or false", *steps)
        return (*self.pointer, self.name, *steps)
