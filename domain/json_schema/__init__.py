"""JSON Schema (2020-12) for answers, within bounds: no schema and no answer takes more than a small number of steps.

Nothing is fetched: a schema is one resource, and a reference to anything else is an error. `format` is a note.
An engine of its own, since none was found that can be bounded: docs/decisions/0014-json-schema-within-bounds.md.
"""

from itertools import islice

from contracts.json_value import JsonValue
from domain.json_schema.limits import CHECKING_STEPS, TooComplexError, allow_steps
from domain.json_schema.reading import read_schema
from domain.json_schema.schema import Checking, Schema, SchemaProblem, find_problems
from domain.json_schema.shapes import NotASchemaError
from domain.rejection import Invalid, RejectionDetail

__all__ = ["Schema", "SchemaProblem", "find_schema_errors", "read_json_schema"]

_MAX_ERRORS = 20
_LONGEST_STEP = 100


def read_json_schema(schema: dict[str, JsonValue], *, path: str) -> Schema:
    """Return a schema ready for values; raises Invalid `schema_not_valid` or `schema_too_complex`."""
    try:
        return read_schema(schema)
    except NotASchemaError as error:
        detail = RejectionDetail(".".join((path, *_shortened(error.steps))), error.rule, error.message)
        message = f"The schema is not valid: {detail.path}: {error.message}."
        raise Invalid("schema_not_valid", message, [detail]) from error
    except TooComplexError as error:
        raise _too_complex("schema_too_complex", path, "reading the schema takes too many steps") from error


def find_schema_errors(value: JsonValue, schema: Schema, *, path: str) -> list[SchemaProblem]:
    """Return where a value does not fit a schema, twenty places at the most.

    Raises Invalid `answer_too_complex` where finding out takes too long.
    """
    checking = Checking(schema, allow_steps(CHECKING_STEPS))
    try:
        problems = list(islice(find_problems(checking, (), value), _MAX_ERRORS))
    except (TooComplexError, RecursionError) as error:
        raise _too_complex("answer_too_complex", path, "checking it against the schema takes too many steps") from error
    return sorted(problem._replace(steps=_shortened(problem.steps)) for problem in problems)


def _shortened(steps: tuple[str, ...]) -> tuple[str, ...]:
    """Return the steps of a path, whose names may be as long as a body."""
    return tuple(step[:_LONGEST_STEP] for step in steps)


def _too_complex(code: str, path: str, words: str) -> Invalid:
    """Return the refusal of what would take too long."""
    return Invalid(code, f"It is too large: {words}.", [RejectionDetail(path, code, words)])
