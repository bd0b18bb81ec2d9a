"""All bodies: a field takes the JSON types that its schema says, so "7" and true are no numbers; no other exists."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, get_args, get_type_hints

import pytest
from fastapi.routing import APIRoute
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from command_api.application import ROUTERS

_SAMPLES: Final[Mapping[str, tuple[object, ...]]] = {
    "boolean": (True, False),
    "integer": (0, 1, 7),
    "number": (1.0, 0.5),
    "string": ("7", "1", "0.5", "true", "yes", "2026-11-22"),
    "array": ([], ["7"]),
    "object": ({}, {"a": 1}),
    "null": (None,),
}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    """Yield the models that a type is made of, and those that they are made of."""
    if hasattr(annotation, "__value__"):
        yield from models_in(annotation.__value__)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for argument in get_args(annotation):
        yield from models_in(argument)


def json_types(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> set[str]:
    """Return the JSON types that a schema allows; all of them where it says nothing."""
    if "$ref" in schema:
        return json_types(whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole)
    if "anyOf" in schema:
        return set().union(*(json_types(each, whole) for each in schema["anyOf"]))
    if "type" in schema:
        return {schema["type"], *({"integer"} if schema["type"] == "number" else ())}
    return {"string"} if "enum" in schema or "const" in schema else set(_SAMPLES)


def bodies() -> list[type[BaseModel]]:
    """Return the models of all bodies and all that they hold."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    hints = [get_type_hints(route.endpoint, include_extras=True) for route in routes]
    return list(dict.fromkeys(model for each in hints for model in models_in(each.get("body"))))


def wrongly_taken(annotation: Any) -> Iterator[object]:  # noqa: ANN401 - any annotation
    """Yield samples that a type takes though its schema names no such JSON type."""
    adapter = TypeAdapter[Any](annotation)
    schema = adapter.json_schema()
    for kind in _SAMPLES.keys() - json_types(schema, schema):
        for value in _SAMPLES[kind]:
            try:
                adapter.validate_python(value)
            except ValidationError:
                continue
            yield value


def test_what_a_field_takes_is_what_its_schema_says() -> None:
    models = bodies()
    assert len(models) > 25
    wrong = {
        f"{model.__name__}.{name}": taken
        for model in models
        for name, field in model.model_fields.items()
        if (taken := list(wrongly_taken(Annotated[field.annotation, Field(), *field.metadata])))
    }
    assert wrong == {}


@pytest.mark.parametrize("annotation", [int, bool, float, AwareDatetime])
def test_what_pydantic_takes_by_itself_would_be_found(annotation: object) -> None:
    assert list(wrongly_taken(annotation))


def test_no_body_and_nothing_in_one_takes_a_field_that_it_does_not_know() -> None:
    assert [model.__name__ for model in bodies() if model.model_config.get("extra") != "forbid"] == []
