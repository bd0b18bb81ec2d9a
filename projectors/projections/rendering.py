"""From a view to the JSON that goes out: a view's own fields may be null, optional ones below are left out then."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from contracts.record import Record

__all__ = ["render_view", "render_whole"]

_JSON: TypeAdapter[Any] = TypeAdapter(Any)


def render_whole(view: Record) -> bytes:
    """Return a view's JSON with every field; for views without nested optional fields."""
    return view.model_dump_json().encode()


def render_view(view: Record) -> bytes:
    """Return a view's JSON: nulls only in its own fields and in the required ones of the records directly below."""
    content = view.model_dump(mode="json", exclude_none=True)
    required = _with_required(view, content)
    return _JSON.dump_json({name: required.get(name) for name in type(view).model_fields})


@cache
def _fields(kind: type[Record]) -> tuple[tuple[str, bool], ...]:
    """Return a record's fields and whether each is required: asked of pydantic every time, a task costs 5 us more."""
    return tuple((name, field.is_required()) for name, field in kind.model_fields.items())


def _with_required(record: Record, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with the required fields that are null, in the record's order."""
    complete: dict[str, Any] = {}
    values = record.__dict__
    for name, is_required in _fields(type(record)):
        value = values[name]
        if isinstance(value, Record):
            complete[name] = _with_required(value, content[name])
        elif value is not None:
            complete[name] = content[name]
        elif is_required:
            complete[name] = None
    return complete
