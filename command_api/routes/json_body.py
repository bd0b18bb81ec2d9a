"""Reading a command's body: JSON or nothing, and no text that the database could not keep.

U+0000 and lone surrogates are legal in JSON texts and impossible in PostgreSQL's jsonb: they are refused here, before a
decision is made, with the path of the offending text. A body is looked at in time that is linear in its bytes, by
functions in C where most bodies would notice; at most twenty places are told.
"""

import json
import re
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from itertools import accumulate, islice
from typing import Any, Final

import orjson

from infrastructure.web.errors import ApiError, ErrorDetail

__all__ = ["MAX_DETAILS", "read_json"]

_MAX_DEPTH: Final = 100
_MAX_CONTAINERS: Final = 100_000
"""Lists and objects: each is an object of Python, which is made, validated and written several times on its way."""

MAX_DETAILS: Final = 20
_LONGEST_STEP: Final = 100

_TEXTS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")
_WHOLE_NUMBER: Final = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}(?![0-9.eE])")
_FORBIDDEN: Final = re.compile("[\x00\ud800-\udfff]")

_BRACKETS: Final = b"[]{}"
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_STEPS: Final = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")
"""One level down, or up: -1 as a signed byte."""

type _Path = tuple["_Path", str] | None
"""The way to a value, its last step outermost: written out only for what is told."""


def read_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a body says; raises ApiError."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refusal(body, error) from error
    if body.count(b"[") + body.count(b"{") > _MAX_DEPTH:
        _require_simple(body)
    if _LONG_NUMBER.search(body) is not None:
        _refuse_long_integers(body)
    if rb"\u0000" in body:
        _refuse_forbidden_text(value)
    return value


def _refusal(body: bytes, error: orjson.JSONDecodeError) -> ApiError:
    """Return the answer to a body that the strict parser refused: forbidden text is told from malformed JSON."""
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        return _too_deep()
    except ValueError as reason:
        return _malformed(str(reason))
    _require_simple(body)
    _refuse_forbidden_text(value)
    return _malformed(str(error))


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    message = f"{name} is not JSON"
    raise ValueError(message)


def _malformed(reason: str) -> ApiError:
    """Return the answer to a body that is not JSON."""
    detail = ErrorDetail(path="body", code="json_invalid", message=reason)
    return ApiError(400, "malformed_json", "The body is not valid JSON.", details=(detail,))


def _require_simple(body: bytes) -> None:
    """Raise ApiError where JSON holds too much, or is nested deeper than everybody can read it."""
    brackets = _TEXTS.sub(b"", body).translate(_STEPS, _NO_BRACKETS)
    if len(brackets) > 2 * _MAX_CONTAINERS:
        message = f"more than {_MAX_CONTAINERS:,} lists and objects"
        detail = ErrorDetail(path="body", code="too_many", message=message)
        raise ApiError(422, "body_too_complex", f"The body holds {message}.", details=(detail,))
    if max(accumulate(array("b", brackets)), default=0) > _MAX_DEPTH:
        raise _too_deep()


def _too_deep() -> ApiError:
    """Return the answer to JSON that is nested deeper than is taken."""
    message = f"nested deeper than {_MAX_DEPTH} levels"
    detail = ErrorDetail(path="body", code="too_deep", message=message)
    return ApiError(422, "body_too_deep", f"The body is {message}.", details=(detail,))


def _refuse_long_integers(body: bytes) -> None:
    """Raise ApiError where a whole number would lose digits on its way: our readers would make a float of it."""
    numbers = _WHOLE_NUMBER.finditer(_TEXTS.sub(b"", body))
    if all(_is_kept(int(number[0])) for number in numbers):
        return
    details = _places(json.loads(body), _is_long_integer, "number_too_long", "beyond 64 bits")
    message = (
        f"The request is not valid: {details[0].path}: whole numbers beyond 64 bits lose digits; send them as text."
    )
    raise ApiError(422, "invalid_request", message, details=details)


def _is_kept(number: int) -> bool:
    """Tell whether 64 bits, with a sign or without, hold a number."""
    return -(2**63) <= number < 2**64


def _is_long_integer(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Tell whether a value is a whole number that 64 bits do not hold."""
    return isinstance(value, int) and not _is_kept(value)


def _refuse_forbidden_text(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Raise ApiError `forbidden_text` where a text could not be kept."""
    details = _places(value, _is_forbidden, "forbidden_text", "U+0000 or a lone surrogate")
    if details:
        raise ApiError(422, "forbidden_text", "Texts must not hold U+0000 or lone surrogates.", details=details)


def _is_forbidden(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Tell whether a value is a text that the database could not keep."""
    return isinstance(value, str) and _FORBIDDEN.search(value) is not None


def _places(value: Any, is_wrong: Callable[[Any], bool], code: str, message: str) -> list[ErrorDetail]:  # noqa: ANN401 - any JSON
    """Return the first places of what is wrong."""
    paths = islice(_find(value, is_wrong), MAX_DETAILS)
    return [ErrorDetail(path=_written(path), code=code, message=message) for path in paths]


def _find(value: Any, is_wrong: Callable[[Any], bool]) -> Iterator[_Path]:  # noqa: ANN401 - any JSON
    """Yield the ways to values that are wrong, outer ones first; each begins in a list of the whole value alone.

    A wrong name stands at its object.
    """
    waiting: deque[tuple[_Path, Any]] = deque([(None, [value])])
    while waiting:
        path, outer = waiting.popleft()
        if isinstance(outer, dict):
            yield from (path for name in outer if is_wrong(name))
        for step, inner in outer.items() if isinstance(outer, dict) else enumerate(outer):
            if isinstance(inner, dict | list):
                waiting.append(((path, str(step)), inner))
            elif is_wrong(inner):
                yield path, str(step)


def _written(path: _Path) -> str:
    """Return a path as an answer says it; a name that can't be printed is left out, a long one cut."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(step[:_LONGEST_STEP])
    return ".".join(["body", *(step for step in reversed(steps[:-1]) if step.isprintable())])
