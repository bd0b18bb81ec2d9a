"""The examples in the documentation are bodies that the API takes."""

import pytest

from command_api import bodies, worker_bodies
from contracts.record import Record

BODIES: list[type[Record]] = [
    getattr(module, name) for module in (bodies, worker_bodies) for name in module.__all__ if name != "BatchBody"
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_body_has_an_example_that_is_valid(body: type[Record]) -> None:
    examples = body.model_json_schema().get("examples", [])

    assert [body.model_validate(example).model_fields_set != set() for example in examples] == [True]
